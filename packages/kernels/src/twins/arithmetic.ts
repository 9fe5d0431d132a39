/** spec/01 §1.1, in plain numbers: every quantity here is an integer below 2^53, so doubles are exact. */

export function rshift(x: number, s: number): number {
  return Math.floor((x + Math.floor(2 ** (s - 1))) / 2 ** s);
}

export function clamp(x: number, bound: number): number {
  return Math.min(Math.max(x, -bound), bound);
}

export function bitlen(a: number): number {
  return a === 0 ? 0 : Math.floor(Math.log2(a)) + 1;
}

/** `values[index]`; what is not there is our bug. */
export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no element ${index} among ${values.length}`);
  return value;
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
