/**
 * Integers as numbers: every value stays far below 2^53, so `+`, `−`, `×` and division by a power of two
 * are exact, and `Math.floor(a / b)` is the floor of spec/01 §1.1.
 */

/** Passes on the intermediate called `name`. @throws {Error} unless |value| < 2^29 (spec/01 §1.1) */
export type Named = (name: string, value: number) => number;

/** Names the intermediates of operator number `index`, an `op`. */
export function namedIn(op: string, index: number): Named {
  return (name, value) => {
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 29) return value;
    throw new Error(`operator ${index} (${op}): ${name} = ${value} is not an integer below 2^29`);
  };
}

export function bitlen(a: number): number {
  let length = 0;
  while (2 ** length <= a) length++;
  return length;
}

export function clamp(x: number, bound: number): number {
  return Math.min(Math.max(x, -bound), bound);
}

/** spec/01 §1.1; `what` is the name of x + 2^(s−1). */
export function rshift(named: Named, what: string, x: number, s: number): number {
  if (s === 0) return named(what, x);
  return Math.floor(named(`${what} + 2^${s - 1}`, x + 2 ** (s - 1)) / 2 ** s);
}

/** spec/01 §1.2. */
export function requant16(
  named: Named,
  acc: number,
  { s, t, bound }: { s: number; t: number; bound: number },
  m: number,
): number {
  const u = clamp(rshift(named, "acc", acc, s), 32767);
  return clamp(rshift(named, "u·M", named("u·M", u * m), t), bound);
}

/** spec/01 §1.2. */
export function requant24(named: Named, acc: number, m: number, s: number): number {
  const hi = Math.floor(named("acc", acc) / 2 ** 14);
  const lo = acc - 2 ** 14 * hi;
  const high = named("hi·M", hi * m);
  const low = named("lo·M", lo * m);
  const u = named("u", high + Math.floor(low / 2 ** 14));
  return clamp(rshift(named, "u", u, s), 2 ** 22);
}
