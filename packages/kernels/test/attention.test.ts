import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { PAGE_POSITIONS, paddedWidth } from "../src/index.ts";
import { pnorm, pv, qk, softmax } from "../src/twins/attention.ts";
import { integer, multipliers, row, rows, TABLES } from "./arbitraries.ts";
import { BenchMemory } from "./bench-memory.ts";

const memory = new BenchMemory();
const { kernels } = memory;
const stride16 = (n: number): number => 2 * paddedWidth(n);
const stride32 = (n: number): number => 4 * paddedWidth(n);
const paddedCount = (positions: number): number => Math.ceil(positions / 8) * 8;

beforeEach(() => memory.clear());

interface Shape {
  readonly heads: number;
  readonly cacheHeads: number;
  readonly headDim: number;
  /** Positions of each sequence of the batch, the row's own included. */
  readonly counts: readonly number[];
}

const shape: fc.Arbitrary<Shape> = fc
  .record({
    cacheHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 3 }),
    headDim: fc.oneof(fc.constantFrom(8, 16, 24, 32), fc.integer({ min: 1, max: 20 })),
    counts: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(63, 64, 65, 130)), {
      minLength: 1,
      maxLength: 3,
    }),
  })
  .map(({ group, ...rest }) => ({ ...rest, heads: rest.cacheHeads * group }));

/** Values that depend on their place only: as many as a cache needs, without a shrinker's weight. */
function cacheRows(positions: number, width: number, bound: number, salt: number): number[][] {
  return Array.from({ length: positions }, (_, j) =>
    Array.from({ length: width }, (_, d) => {
      const mixed = Math.imul(j * 8191 + d * 131 + salt, 0x9e3779b1) >>> 0;
      if (mixed % 7 === 0) return mixed % 2 === 0 ? bound : -bound;
      return (mixed % (2 * bound + 1)) - bound;
    }),
  );
}

const OFFSET = 48;

/** One cache per sequence, written by the append kernel; every page also holds what is not this cache. */
function appendAll(sequences: readonly (readonly number[][])[], cacheStride: number) {
  const pageBytes = OFFSET + PAGE_POSITIONS * cacheStride;
  const tables = sequences.map((sequence) => {
    const pages = Math.ceil(sequence.length / PAGE_POSITIONS);
    return memory.place(Uint32Array.from({ length: pages }, () => memory.room(pageBytes)));
  });
  sequences.forEach((sequence, i) => {
    const width = sequence[0]?.length ?? 0;
    const x = memory.rows16(sequence);
    const positions = memory.place(Int32Array.from(sequence.keys()));
    const table = memory.place(Uint32Array.from(sequence, () => tables[i] ?? 0));
    const bytes = 2 * width;
    const count = sequence.length;
    kernels.append(x, stride16(width), positions, table, count, bytes, OFFSET, cacheStride);
  });
  return {
    tables: memory.place(Uint32Array.from(tables)),
    positions: memory.place(Int32Array.from(sequences, (sequence) => sequence.length - 1)),
  };
}

function readRagged(
  pointer: number,
  read: (pointer: number, length: number) => number[],
  size: number,
  heads: number,
  counts: readonly number[],
): number[][][] {
  const headBytes = size * paddedCount(Math.max(...counts));
  return counts.map((count, r) =>
    Array.from({ length: heads }, (_, h) => read(pointer + (r * heads + h) * headBytes, count)),
  );
}

test("append and qk are their twins, across pages and for every head dimension", () => {
  const cases = shape.chain((s) =>
    fc.record({
      shape: fc.constant(s),
      q: rows(s.counts.length, s.heads * s.headDim, 4095),
      salt: fc.nat(1000),
    }),
  );
  fc.assert(
    fc.property(cases, ({ shape: { heads, cacheHeads, headDim, counts }, q, salt }) => {
      memory.clear();
      const width = cacheHeads * headDim;
      const keys = counts.map((count, i) => cacheRows(count, width, 2047, salt + i));
      const cacheStride = 2 * width + 6;
      const { tables, positions } = appendAll(keys, cacheStride);
      const headStride = 4 * paddedCount(Math.max(...counts));
      const dst = memory.room(counts.length * heads * headStride);
      const rowStride = heads * headStride;
      const expected = q.map((value, r) => qk(value, keys[r] ?? [], heads, headDim));
      const n = heads * headDim;
      const narrow = [memory.rows16(q), stride16(n), 2] as const;
      const wide = [memory.rows32(q), stride32(n), 4] as const;
      for (const [from, qStride, qBytes] of [narrow, wide]) {
        kernels.qk(
          dst,
          rowStride,
          headStride,
          from,
          qStride,
          qBytes,
          positions,
          tables,
          counts.length,
          heads,
          cacheHeads,
          headDim,
          OFFSET,
          cacheStride,
        );
        const read = readRagged(dst, (p, n) => memory.int32(p, n), 4, heads, counts);
        expect(read).toEqual(expected);
      }
    }),
  );
});

test("softmax is its twin, pads with zeros, and P stays within spec/01 §1.5.13", () => {
  const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
  const cases = fc.tuple(counts, fc.integer({ min: 1, max: 3 })).chain(([lengths, heads]) =>
    fc.record({
      scores: fc.tuple(...lengths.map((n) => rows(heads, n, 2 ** 28 - 1))),
      m: multipliers(heads),
      s: fc.nat(28),
    }),
  );
  fc.assert(
    fc.property(cases, ({ scores, m, s }) => {
      memory.clear();
      const [heads, lengths] = [m.length, scores.map((value) => value[0]?.length ?? 0)];
      const padded = paddedCount(Math.max(...lengths));
      const flat = scores.flatMap((value) =>
        value.flatMap((head) => [...head, ...Array<number>(padded - head.length).fill(2 ** 28)]),
      );
      const from = memory.place(Int32Array.from(flat));
      const dst = memory.room(2 * flat.length);
      const masses = memory.room(4 * heads * lengths.length);
      const positions = memory.place(Int32Array.from(lengths, (n) => n - 1));
      const tables = [memory.place(TABLES.exp), memory.place(TABLES.recip)] as const;
      kernels.softmax(
        dst,
        2 * heads * padded,
        2 * padded,
        masses,
        4 * heads,
        from,
        4 * heads * padded,
        4 * padded,
        positions,
        lengths.length,
        heads,
        memory.place(m),
        s,
        ...tables,
        memory.room(4 * padded),
      );
      const expected = scores.map((value) => softmax(value, m, s, TABLES.exp, TABLES.recip));
      const wholeRows = lengths.map((n) => paddedCount(n));
      const read = wholeRows.map((count, r) =>
        Array.from({ length: heads }, (_, h) =>
          memory.int16(dst + 2 * padded * (r * heads + h), count),
        ),
      );
      const zeros = (p: number[]) =>
        Array.from({ length: paddedCount(p.length) }, (_, j) => p[j] ?? 0);
      expect(read).toEqual(expected.map(({ p }) => p.map(zeros)));
      const mass = memory.int32(masses, heads * lengths.length);
      expect(mass).toEqual(expected.flatMap((value) => value.mass));
      expect(mass.every((P) => P >= 16378 && P <= 32767)).toBe(true);
    }),
  );
});

test("softmax of 16384 equal scores: the largest Z", () => {
  const n = 16384;
  const from = memory.place(new Int32Array(n).fill(12345));
  const dst = memory.room(2 * n);
  const mass = memory.room(4);
  const positions = memory.place(Int32Array.of(n - 1));
  const tables = [memory.place(TABLES.exp), memory.place(TABLES.recip)] as const;
  const by = memory.place(Uint16Array.of(1));
  const [rowStride, scoreStride] = [2 * n, 4 * n];
  kernels.softmax(
    dst,
    rowStride,
    rowStride,
    mass,
    4,
    from,
    scoreStride,
    scoreStride,
    positions,
    1,
    1,
    by,
    0,
    ...tables,
    memory.room(4 * n),
  );
  const scores = [Array<number>(n).fill(12345)];
  const expected = softmax(scores, [1], 0, TABLES.exp, TABLES.recip);
  expect(memory.int32(mass, 1)).toEqual(expected.mass);
  expect(memory.int16(dst, n)).toEqual(expected.p[0]);
});

test("pv is its twin, with an odd number of positions and after stale rows", () => {
  const cases = fc.record({ shape, bound: fc.constantFrom(1, 8191, 16383), salt: fc.nat(1000) });
  fc.assert(
    fc.property(cases, ({ shape: { heads, cacheHeads, headDim, counts }, bound, salt }) => {
      memory.clear();
      const width = cacheHeads * headDim;
      const values = counts.map((count, i) => cacheRows(count, width, bound, salt + i));
      const cacheStride = 2 * width + 2;
      const { tables, positions } = appendAll(values, cacheStride);
      const padded = paddedCount(Math.max(...counts));
      const p = counts.map((count, r) => {
        const weights = cacheRows(heads, count, Math.floor(32767 / count), salt + r + 7);
        return weights.map((head) => head.map(Math.abs));
      });
      const flat = p.flatMap((value) =>
        value.flatMap((head) => [...head, ...Array<number>(padded - head.length).fill(0)]),
      );
      const n = heads * headDim;
      const dst = memory.room(counts.length * stride32(n));
      const from = memory.place(Int16Array.from(flat));
      kernels.pv(
        dst,
        stride32(n),
        from,
        2 * heads * padded,
        2 * padded,
        positions,
        tables,
        counts.length,
        heads,
        cacheHeads,
        headDim,
        OFFSET,
        cacheStride,
      );
      const expected = p.map((value, r) => pv(value, values[r] ?? [], headDim));
      expect(memory.readRows32(dst, counts.length, n)).toEqual(expected);
    }),
  );
});

test("pnorm is its twin", () => {
  const cases = fc
    .record({
      count: fc.integer({ min: 1, max: 4 }),
      heads: fc.integer({ min: 1, max: 4 }),
      headDim: fc.integer({ min: 1, max: 20 }),
    })
    .chain(({ count, heads, headDim }) =>
      fc.record({
        o: rows(count, heads * headDim, 2 ** 28),
        mass: fc.array(fc.array(fc.integer({ min: 16378, max: 32767 }), exactly(heads)), {
          ...exactly(count),
        }),
        headDim: fc.constant(headDim),
        s: fc.nat(15),
        t: fc.integer({ min: 15, max: 17 }),
        bound: fc.constantFrom(1, 2047, 32767),
      }),
    );
  fc.assert(
    fc.property(cases, ({ o, mass, headDim, ...parameters }) => {
      memory.clear();
      const { s, t, bound } = parameters;
      const [n, heads] = [o[0]?.length ?? 0, mass[0]?.length ?? 0];
      const dst = memory.room(o.length * stride16(n));
      const [from, P] = [memory.rows32(o), memory.place(Int32Array.from(mass.flat()))];
      const recip = memory.place(TABLES.recip);
      kernels.pnorm(
        dst,
        stride16(n),
        from,
        stride32(n),
        P,
        4 * heads,
        o.length,
        heads,
        headDim,
        s,
        t,
        bound,
        recip,
      );
      const expected = o.map((value, r) =>
        pnorm(value, mass[r] ?? [], headDim, parameters, TABLES.recip),
      );
      expect(memory.readRows16(dst, o.length, n)).toEqual(expected);
    }),
  );
});

function exactly(length: number): { readonly minLength: number; readonly maxLength: number } {
  return { minLength: length, maxLength: length };
}

test("the edges of a row are drawn", () => {
  expect(fc.sample(row(64, 100), 50).flat()).toContain(-100);
  expect(fc.sample(integer(1), 50)).toContain(1);
});
