/** Operators on one row (spec/01 §1.5.1–1.5.10), as the specification writes them. */

import { at, bitlen, clamp, rshift, total } from "./arithmetic.ts";

type Row = readonly number[];

export function matmul(
  x: Row,
  weights: Int8Array,
  stride: number,
  n: number,
  bias?: ArrayLike<number>,
): number[] {
  return Array.from({ length: n }, (_, row) => {
    const products = x.map((value, k) => at(weights, row * stride + k) * value);
    return total(products) + (bias === undefined ? 0 : at(bias, row));
  });
}

export function requant16(
  acc: Row,
  m: ArrayLike<number>,
  s: number,
  t: number,
  bound: number,
): number[] {
  return acc.map((value, i) => clamp(rshift(clamp(rshift(value, s), 32767) * at(m, i), t), bound));
}

export function requant24(acc: Row, m: ArrayLike<number>, s: number): number[] {
  return acc.map((value, i) => clamp(rshift(Math.floor((value * at(m, i)) / 2 ** 14), s), 2 ** 22));
}

/** `weights` is the token's row, `m` its multiplier. */
export function embed(weights: ArrayLike<number>, m: number, s: number): number[] {
  return Array.from(weights, (weight) => rshift(weight * m, s));
}

export function rowscale(x: Row, bits: number): { readonly y: number[]; readonly e: number } {
  const a = Math.max(...x.map(Math.abs));
  const e = Math.max(0, bitlen(a) - bits);
  return { y: x.map((value) => clamp(rshift(value, e), 2 ** bits - 1)), e };
}

export function rmsnorm(
  x: Row,
  e: number,
  m: ArrayLike<number>,
  parameters: { epsilon: number; s: number; t: number; bound: number },
  rsqrt: ArrayLike<number>,
): number[] {
  const { epsilon, s, t, bound } = parameters;
  const squares = total(x.map((value) => value * value));
  const S = Math.max(squares + Math.floor(epsilon / 2 ** (2 * e)), 2 ** 12);
  const k = Math.max(0, Math.ceil((bitlen(S) - 14) / 2));
  const R = at(rsqrt, Math.floor(S / 2 ** (2 * k)) - 2 ** 12);
  return x.map((value, i) => {
    const u = clamp(rshift(value * R, k + s), 32767);
    return clamp(rshift(u * at(m, i), t), bound);
  });
}

/** `angles` holds (cos, sin) of this position's pairs. */
export function rope(
  x: Row,
  headDim: number,
  angles: ArrayLike<number>,
  s: number,
  bound: number,
): number[] {
  const half = headDim / 2;
  return x.map((value, index) => {
    const i = index % headDim;
    const pair = i % half;
    const cos = at(angles, 2 * pair);
    const sin = at(angles, 2 * pair + 1);
    const turned =
      i < half ? value * cos - at(x, index + half) * sin : value * cos + at(x, index - half) * sin;
    return clamp(rshift(turned, s), bound);
  });
}
