/** Values and shapes for the differential tests: odd sizes, and values that stick to the edges of their range. */

import fc from "fast-check";

/** Integers within ±bound, one in three of them within 2 of an edge or of zero. */
export function integer(bound: number): fc.Arbitrary<number> {
  const edges = [-bound, 1 - bound, -1, 0, 1, bound - 1, bound].filter((v) => Math.abs(v) <= bound);
  return fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: -bound, max: bound }) },
    { weight: 1, arbitrary: fc.constantFrom(...edges) },
  );
}

export function row(width: number, bound: number): fc.Arbitrary<number[]> {
  return fc.array(integer(bound), { minLength: width, maxLength: width });
}

export function rows(count: number, width: number, bound: number): fc.Arbitrary<number[][]> {
  return fc.array(row(width, bound), { minLength: count, maxLength: count });
}

export const width: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(63, 64, 65, 128),
);

export const rowCount: fc.Arbitrary<number> = fc.integer({ min: 1, max: 9 });

/** Multipliers of spec/01 §1.6: 1 … 16383. */
export function multipliers(count: number): fc.Arbitrary<Uint16Array> {
  const multiplier = fc.oneof(fc.integer({ min: 1, max: 16383 }), fc.constantFrom(1, 8192, 16383));
  return fc
    .array(multiplier, { minLength: count, maxLength: count })
    .map((values) => Uint16Array.from(values));
}

/** The tables of spec/01 §1.3, near enough: kernels take whatever table they are given. */
export const TABLES = {
  exp: Int16Array.from({ length: 65536 }, (_, d) => Math.round(16384 * Math.exp(-d / 1024))),
  silu: Int16Array.from({ length: 65536 }, (_, i) => {
    const x = (i - 32768) / 1024;
    return Math.round((1024 * x) / (1 + Math.exp(-x)));
  }),
  recip: Int16Array.from({ length: 8192 }, (_, i) => Math.floor(2 ** 27 / (i + 8193))),
  rsqrt: Int16Array.from({ length: 12288 }, (_, i) => Math.round(2 ** 19 / Math.sqrt(i + 4096.5))),
};
