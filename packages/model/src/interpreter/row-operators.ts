/** The operators that work on the rows of one position (spec/01 §1.5.1–1.5.10). */

import type { Operator, Tensor } from "../program.ts";
import { globalTables } from "../tables.ts";
import { bitlen, clamp, type Named, requant16, requant24, rshift } from "./arithmetic.ts";

export type Row = readonly number[];
export type OperatorOf<Name extends Operator["op"]> = Extract<Operator, { readonly op: Name }>;

/** Element `i` of a list that is known to have it. */
export function at(list: ArrayLike<number>, i: number): number {
  const value = list[i];
  if (value === undefined) throw new RangeError(`there is no element ${i}`);
  return value;
}

/** Row n of an int8 matrix, without its padding. */
function matrixRow(matrix: Tensor, n: number): Row {
  const [, k = 0] = matrix.dims;
  const stride = Math.ceil(k / 64) * 64;
  return [...matrix.data.slice(n * stride, n * stride + k)];
}

/** 1.5.1 */
export function embed(
  named: Named,
  { s }: OperatorOf<"embed">,
  weight: Tensor,
  m: Tensor,
  token: number,
): Row {
  return matrixRow(weight, token).map((e) => rshift(named, "E·M", e * at(m.data, token), s));
}

/** 1.5.2 */
export function add(named: Named, a: Row, b: Row): Row {
  return a.map((value, i) => named("y", value + at(b, i)));
}

/** 1.5.3 */
export function rowscale(named: Named, { bits }: OperatorOf<"rowscale">, x: Row): [Row, number] {
  let a = 0;
  for (const value of x) a = Math.max(a, Math.abs(value));
  const e = Math.max(0, bitlen(a) - bits);
  return [x.map((value) => clamp(rshift(named, "x", value, e), 2 ** bits - 1)), e];
}

/** 1.5.4 */
export function rmsnorm(
  named: Named,
  { epsilon, s, t, bound }: OperatorOf<"rmsnorm">,
  x: Row,
  e: number,
  multiplier: Tensor,
): Row {
  let a = 0;
  let c = 0;
  let d = 0;
  for (const value of x) {
    const h = Math.floor(value / 256);
    const l = value - 256 * h;
    a = named("A", a + h * h);
    c = named("C", c + h * l);
    d = named("D", d + l * l);
  }
  const sum = 2 ** 16 * a + 2 ** 9 * c + d + Math.floor(epsilon / 2 ** (2 * e));
  const S = Math.max(sum, 2 ** 12);
  named("S1", Math.floor(S / 2 ** 22));
  const k = Math.max(0, Math.ceil((bitlen(S) - 14) / 2));
  const m = Math.floor(S / 2 ** (2 * k));
  const r = at(globalTables().rsqrt, m - 2 ** 12);
  return x.map((value, i) => {
    const u = clamp(rshift(named, "x′·R", named("x′·R", value * r), k + s), 32767);
    return clamp(rshift(named, "u·M", named("u·M", u * at(multiplier.data, i)), t), bound);
  });
}

/** 1.5.5. Every partial sum is named too, in whatever order an engine may add. */
export function matmul(named: Named, x: Row, weight: Tensor, bias: Tensor | null): Row {
  return Array.from({ length: weight.dims[0] }, (_, n) => {
    let y = bias === null ? 0 : at(bias.data, n);
    matrixRow(weight, n).forEach((w, k) => {
      y = named("y", y + w * at(x, k));
    });
    return y;
  });
}

/** 1.5.6 */
export function requant16Row(
  named: Named,
  operator: OperatorOf<"requant16">,
  acc: Row,
  m: Tensor,
): Row {
  return acc.map((value, i) => requant16(named, value, operator, at(m.data, i)));
}

/** 1.5.7 */
export function requant24Row(
  named: Named,
  { s }: OperatorOf<"requant24">,
  acc: Row,
  e: number,
  m: Tensor,
): Row {
  return acc.map((value, i) => requant24(named, value, at(m.data, i), s - e));
}

/** 1.5.8, with the one table there is: 1 = silu. */
export function table(x: Row): Row {
  return x.map((value) => at(globalTables().silu, value + 32768));
}

/** 1.5.9 */
export function mul(named: Named, a: Row, b: Row): Row {
  return a.map((value, i) => named("y", value * at(b, i)));
}

/** 1.5.10 */
export function rope(
  named: Named,
  { headDim, s, bound }: OperatorOf<"rope">,
  x: Row,
  angles: Tensor,
  position: number,
): Row {
  const half = headDim / 2;
  const turn = (value: number): number => clamp(rshift(named, "turned", value, s), bound);
  return x.map((value, index) => {
    const inHead = index % headDim;
    const i = inHead % half;
    const c = at(angles.data, (position * half + i) * 2);
    const n = at(angles.data, (position * half + i) * 2 + 1);
    const isFirst = inHead < half;
    const other = at(x, isFirst ? index + half : index - half);
    return turn(isFirst ? value * c - other * n : value * c + other * n);
  });
}
