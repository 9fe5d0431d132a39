/** The operators that look back over positions (spec/01 §1.5.12–1.5.15). A ragged value is a row per head. */

import type { Tensor } from "../program.ts";
import { globalTables } from "../tables.ts";
import { bitlen, clamp, type Named, requant24, rshift } from "./arithmetic.ts";
import { at, type OperatorOf, type Row } from "./row-operators.ts";

export type Ragged = readonly Row[];
/** The rows that one append wrote at positions 0 … p. */
export type Cache = readonly Row[];

/** Where in a cache row the D values of the group that head h reads begin. */
function groupStart(cache: Cache, h: number, heads: number, headDim: number): number {
  const groups = (cache[0]?.length ?? 0) / headDim;
  return Math.floor((h * groups) / heads) * headDim;
}

/** 1.5.12 */
export function qk(
  named: Named,
  { heads, headDim }: OperatorOf<"qk">,
  q: Row,
  cache: Cache,
): Ragged {
  return Array.from({ length: heads }, (_, h) => {
    const start = groupStart(cache, h, heads, headDim);
    return cache.map((key) => {
      let y = 0;
      for (let d = 0; d < headDim; d++) {
        y = named("y", y + at(q, h * headDim + d) * at(key, start + d));
      }
      return y;
    });
  });
}

/** 1.5.13 */
export function softmax(
  named: Named,
  { s }: OperatorOf<"softmax">,
  x: Ragged,
  multiplier: Tensor,
): [Ragged, Row] {
  const { exp, recip } = globalTables();
  const mass: number[] = [];
  const p = x.map((head, h) => {
    const scores = head.map((value) => requant24(named, value, at(multiplier.data, h), s));
    const largest = scores.reduce((a, b) => Math.max(a, b));
    const e = scores.map((score) => at(exp, Math.min(named("d", largest - score), 65535)));
    const Z = e.reduce((sum, value) => named("Z", sum + value), 0);
    const z = bitlen(Z) - 14;
    const r = at(recip, Math.floor(Z / 2 ** z) - 2 ** 13);
    const weights = e.map((value) => Math.floor(named("e·r", value * r) / 2 ** (12 + z)));
    mass.push(weights.reduce((sum, value) => named("P", sum + value), 0));
    return weights;
  });
  return [p, mass];
}

/** 1.5.14 */
export function pv(
  named: Named,
  { heads, headDim }: OperatorOf<"pv">,
  p: Ragged,
  cache: Cache,
): Row {
  return p.flatMap((weights, h) => {
    const start = groupStart(cache, h, heads, headDim);
    return Array.from({ length: headDim }, (_, d) => {
      let y = 0;
      cache.forEach((value, j) => {
        y = named("y", y + at(weights, j) * at(value, start + d));
      });
      return y;
    });
  });
}

/** 1.5.15 */
export function pnorm(
  named: Named,
  { headDim, s, t, bound }: OperatorOf<"pnorm">,
  o: Row,
  mass: Row,
): Row {
  const { recip } = globalTables();
  return o.map((value, i) => {
    const P = at(mass, Math.floor(i / headDim));
    const u = clamp(rshift(named, "o", value, s), 32767);
    const j = 16 - bitlen(P);
    const w = Math.floor((P * 2 ** j) / 4);
    const r = at(recip, w - 2 ** 13);
    return clamp(rshift(named, "u·r", named("u·r", u * r), t - j), bound);
  });
}
