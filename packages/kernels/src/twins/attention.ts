/** Attention of one row over the positions so far (spec/01 §1.5.12–1.5.15), as the specification writes it. */

import { at, bitlen, clamp, rshift, total } from "./arithmetic.ts";
import { requant24 } from "./rows.ts";

type Row = readonly number[];

const cacheHead = (head: number, heads: number, cacheHeads: number): number =>
  Math.floor((head * cacheHeads) / heads);

/** Scores [heads][positions]; `keys` holds one row per position. */
export function qk(q: Row, keys: readonly Row[], heads: number, headDim: number): number[][] {
  return Array.from({ length: heads }, (_, h) =>
    keys.map((key) => {
      const from = cacheHead(h, heads, key.length / headDim) * headDim;
      const products = Array.from(
        { length: headDim },
        (_, d) => at(q, h * headDim + d) * at(key, from + d),
      );
      return total(products);
    }),
  );
}

export function softmax(
  scores: readonly Row[],
  m: ArrayLike<number>,
  s: number,
  exp: ArrayLike<number>,
  recip: ArrayLike<number>,
): { readonly p: number[][]; readonly mass: number[] } {
  const p = scores.map((head, h) => {
    const x = requant24(head, Array<number>(head.length).fill(at(m, h)), s);
    const most = Math.max(...x);
    const e = x.map((value) => at(exp, Math.min(most - value, 65535)));
    const Z = total(e);
    const z = bitlen(Z) - 14;
    const r = at(recip, Math.floor(Z / 2 ** z) - 2 ** 13);
    return e.map((value) => Math.floor((value * r) / 2 ** (12 + z)));
  });
  return { p, mass: p.map(total) };
}

export function pv(p: readonly Row[], values: readonly Row[], headDim: number): number[] {
  return p.flatMap((head, h) =>
    Array.from({ length: headDim }, (_, d) =>
      total(
        values.map((value, j) => {
          const from = cacheHead(h, p.length, value.length / headDim) * headDim;
          return at(head, j) * at(value, from + d);
        }),
      ),
    ),
  );
}

export function pnorm(
  o: Row,
  mass: ArrayLike<number>,
  headDim: number,
  parameters: { s: number; t: number; bound: number },
  recip: ArrayLike<number>,
): number[] {
  const { s, t, bound } = parameters;
  return o.map((value, i) => {
    const P = at(mass, Math.floor(i / headDim));
    const j = 16 - bitlen(P);
    const r = at(recip, Math.floor((P * 2 ** j) / 4) - 2 ** 13);
    return clamp(rshift(clamp(rshift(value, s), 32767) * r, t - j), bound);
  });
}
