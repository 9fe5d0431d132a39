import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { paddedWidth } from "../src/index.ts";
import { embed, matmul, requant16, requant24, rmsnorm, rope, rowscale } from "../src/twins/rows.ts";
import { integer, multipliers, row, rowCount, rows, TABLES, width } from "./arbitraries.ts";
import { BenchMemory } from "./bench-memory.ts";

const memory = new BenchMemory();
const { kernels } = memory;
const stride16 = (n: number): number => 2 * paddedWidth(n);
const stride32 = (n: number): number => 4 * paddedWidth(n);

beforeEach(() => memory.clear());

/** Rows of a matrix, padded with zeros to a multiple of 64 (spec/02 §2.3). */
function matrix(values: readonly (readonly number[])[], k: number): [Int8Array, number] {
  const stride = Math.ceil(k / 64) * 64;
  const data = new Int8Array(values.length * stride);
  values.forEach((value, n) => {
    data.set(value, n * stride);
  });
  return [data, stride];
}

test("matmul is its twin, for every remainder of rows and columns", () => {
  const inputs = fc.record({ count: rowCount, n: fc.integer({ min: 1, max: 11 }), k: width });
  const cases = inputs.chain(({ count, n, k }) =>
    fc.record({
      x: rows(count, k, 32767),
      w: rows(n, k, 127),
      bias: fc.option(row(n, 2 ** 28)),
    }),
  );
  fc.assert(
    fc.property(cases, ({ x, w, bias }) => {
      memory.clear();
      const [n, k] = [w.length, x[0]?.length ?? 0];
      const [weights, stride] = matrix(w, k);
      const dst = memory.room(x.length * stride32(n));
      const biasPointer = bias === null ? 0 : memory.place(Int32Array.from(bias));
      kernels.matmul(
        dst,
        stride32(n),
        memory.rows16(x),
        stride16(k),
        x.length,
        memory.place(weights),
        stride,
        n,
        k,
        biasPointer,
      );
      const expected = x.map((value) => matmul(value, weights, stride, n, bias ?? undefined));
      expect(memory.readRows32(dst, x.length, n)).toEqual(expected);
    }),
  );
});

test("requant16 is its twin", () => {
  const attributes = fc.record({
    s: fc.integer({ min: 0, max: 28 }),
    t: fc.integer({ min: 0, max: 16 }),
    bound: fc.constantFrom(1, 127, 4095, 32766, 32767),
  });
  const cases = fc.tuple(rowCount, width, attributes).chain(([count, n, a]) => {
    const largest = 2 ** 29 - 1 - Math.floor(2 ** (a.s - 1));
    return fc.tuple(rows(count, n, largest), multipliers(n), fc.constant(a));
  });
  fc.assert(
    fc.property(cases, ([acc, m, { s, t, bound }]) => {
      memory.clear();
      const n = m.length;
      const dst = memory.room(acc.length * stride16(n));
      const [from, by] = [memory.rows32(acc), memory.place(m)];
      kernels.requant16(dst, stride16(n), from, stride32(n), acc.length, n, by, s, t, bound);
      const expected = acc.map((value) => requant16(value, m, s, t, bound));
      expect(memory.readRows16(dst, acc.length, n)).toEqual(expected);
    }),
  );
});

test("requant24 is its twin, with an exponent per row and without", () => {
  const cases = fc.tuple(rowCount, width, fc.integer({ min: 0, max: 28 })).chain(([count, n, s]) =>
    fc.record({
      acc: rows(count, n, 2 ** 28 - 1),
      m: multipliers(n),
      s: fc.constant(s),
      exponents: fc.option(
        fc.array(fc.integer({ min: 0, max: s }), { minLength: count, maxLength: count }),
      ),
    }),
  );
  fc.assert(
    fc.property(cases, ({ acc, m, s, exponents }) => {
      memory.clear();
      const n = m.length;
      const dst = memory.room(acc.length * stride32(n));
      const [from, by] = [memory.rows32(acc), memory.place(m)];
      const at = exponents === null ? 0 : memory.place(Int32Array.from(exponents));
      kernels.requant24(dst, stride32(n), from, stride32(n), acc.length, n, by, s, at);
      const expected = acc.map((value, r) => requant24(value, m, s - (exponents?.[r] ?? 0)));
      expect(memory.readRows32(dst, acc.length, n)).toEqual(expected);
    }),
  );
});

test("embed is its twin", () => {
  const cases = fc.tuple(fc.integer({ min: 1, max: 7 }), width).chain(([vocab, n]) =>
    fc.record({
      e: rows(vocab, n, 127),
      m: multipliers(vocab),
      s: fc.integer({ min: 0, max: 20 }),
      tokens: fc.array(fc.nat(vocab - 1), { minLength: 1, maxLength: 5 }),
    }),
  );
  fc.assert(
    fc.property(cases, ({ e, m, s, tokens }) => {
      memory.clear();
      const n = e[0]?.length ?? 0;
      const [weights, stride] = matrix(e, n);
      const dst = memory.room(tokens.length * stride32(n));
      const ids = memory.place(Uint32Array.from(tokens));
      const [w, by] = [memory.place(weights), memory.place(m)];
      kernels.embed(dst, stride32(n), ids, tokens.length, n, w, stride, by, s);
      const expected = tokens.map((token) => embed(e[token] ?? [], m[token] ?? 0, s));
      expect(memory.readRows32(dst, tokens.length, n)).toEqual(expected);
    }),
  );
});

test("rowscale is its twin, and never reads the padding", () => {
  const cases = fc
    .tuple(rowCount, width, fc.integer({ min: 0, max: 28 }), fc.integer({ min: 8, max: 15 }))
    .chain(([count, n, size, bits]) =>
      fc.record({ x: rows(count, n, 2 ** size), bits: fc.constant(bits) }),
    );
  fc.assert(
    fc.property(cases, ({ x, bits }) => {
      memory.clear();
      const n = x[0]?.length ?? 0;
      const dst = memory.room(x.length * stride16(n));
      const exponents = memory.room(4 * x.length);
      const from = memory.rows32(x);
      kernels.rowscale(dst, stride16(n), exponents, from, stride32(n), x.length, n, bits);
      const expected = x.map((value) => rowscale(value, bits));
      expect(memory.readRows16(dst, x.length, n)).toEqual(expected.map(({ y }) => y));
      expect(memory.int32(exponents, x.length)).toEqual(expected.map(({ e }) => e));
    }),
  );
});

test("rmsnorm is its twin", () => {
  const cases = fc
    .tuple(rowCount, width, fc.integer({ min: 0, max: 15 }))
    .chain(([count, n, bits]) =>
      fc.record({
        x: rows(count, n, 2 ** bits - 1),
        exponents: fc.array(fc.nat(21), { minLength: count, maxLength: count }),
        m: multipliers(n),
        epsilon: fc.oneof(fc.nat(2 ** 29 - 1), fc.nat(1000)),
        s: fc.nat(12),
        t: fc.nat(16),
        bound: fc.constantFrom(1, 127, 32767),
      }),
    );
  fc.assert(
    fc.property(cases, ({ x, exponents, m, ...parameters }) => {
      memory.clear();
      const { epsilon, s, t, bound } = parameters;
      const [n, count] = [m.length, x.length];
      const dst = memory.room(count * stride16(n));
      const [from, e] = [memory.rows16(x), memory.place(Int32Array.from(exponents))];
      const [by, rsqrt] = [memory.place(m), memory.place(TABLES.rsqrt)];
      const stride = stride16(n);
      kernels.rmsnorm(dst, stride, from, stride, e, count, n, by, epsilon, s, t, bound, rsqrt);
      const expected = x.map((value, r) =>
        rmsnorm(value, exponents[r] ?? 0, m, parameters, TABLES.rsqrt),
      );
      expect(memory.readRows16(dst, count, n)).toEqual(expected);
    }),
  );
});

test("rmsnorm sums 8192 squares of the largest magnitude", () => {
  const x = Array<number>(8192).fill(-32767);
  const m = Uint16Array.from(x, () => 16383);
  const dst = memory.room(2 * 8192);
  const [from, e, by] = [memory.rows16([x]), memory.place(Int32Array.of(0)), memory.place(m)];
  const rsqrt = memory.place(TABLES.rsqrt);
  kernels.rmsnorm(dst, 16384, from, 16384, e, 1, 8192, by, 0, 0, 16, 32767, rsqrt);
  const parameters = { epsilon: 0, s: 0, t: 16, bound: 32767 };
  expect(memory.int16(dst, 8192)).toEqual(rmsnorm(x, 0, m, parameters, TABLES.rsqrt));
});

test("rope is its twin", () => {
  const CONTEXT = 5;
  const cases = fc
    .tuple(rowCount, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 19 }))
    .chain(([count, heads, half]) =>
      fc.record({
        x: rows(count, heads * half * 2, 16382),
        angles: row(CONTEXT * half * 2, 16384),
        positions: fc.array(fc.nat(CONTEXT - 1), { minLength: count, maxLength: count }),
        half: fc.constant(half),
        s: fc.nat(15),
        bound: fc.constantFrom(1, 2047, 32767),
      }),
    );
  fc.assert(
    fc.property(cases, ({ x, angles, positions, half, s, bound }) => {
      memory.clear();
      const [count, n, headDim] = [x.length, x[0]?.length ?? 0, 2 * half];
      const dst = memory.room(count * stride16(n));
      const [from, table] = [memory.rows16(x), memory.place(Int16Array.from(angles))];
      const at = memory.place(Int32Array.from(positions));
      const stride = stride16(n);
      const heads = n / headDim;
      kernels.rope(dst, stride, from, stride, at, count, heads, headDim, table, s, bound);
      const expected = x.map((value, r) => {
        const first = (positions[r] ?? 0) * headDim;
        return rope(value, headDim, angles.slice(first, first + headDim), s, bound);
      });
      expect(memory.readRows16(dst, count, n)).toEqual(expected);
    }),
  );
});

test("add, mul, mul16, widen, narrow and table are what they say", () => {
  const cases = fc
    .tuple(rowCount, width)
    .chain(([count, n]) =>
      fc.tuple(rows(count, n, 20000), rows(count, n, 20000), integer(2 ** 13)),
    );
  fc.assert(
    fc.property(cases, ([a, b, scale]) => {
      memory.clear();
      const [count, n] = [a.length, a[0]?.length ?? 0];
      const [s16, s32] = [stride16(n), stride32(n)];
      const large = a.map((value) => value.map((x) => x * scale));
      const other = b.map((value) => value.map((y) => Math.trunc(y / (1 + Math.abs(scale)))));
      const [a16, a32, large32] = [memory.rows16(a), memory.rows32(a), memory.rows32(large)];
      const [b16, b32, other32] = [memory.rows16(b), memory.rows32(b), memory.rows32(other)];
      const dst = memory.room(count * s32);
      const zip = (x: number[][], y: number[][], f: (p: number, q: number) => number) =>
        x.map((p, r) => p.map((value, i) => f(value, y[r]?.[i] ?? Number.NaN) + 0));

      kernels.add(dst, s32, large32, s32, b32, s32, count, n);
      expect(memory.readRows32(dst, count, n)).toEqual(zip(large, b, (x, y) => x + y));
      kernels.mul(dst, s32, large32, s32, other32, s32, count, n);
      expect(memory.readRows32(dst, count, n)).toEqual(zip(large, other, (x, y) => x * y));
      kernels.mul16(dst, s32, a16, s16, b16, s16, count, n);
      expect(memory.readRows32(dst, count, n)).toEqual(zip(a, b, (x, y) => x * y));
      kernels.widen(dst, s32, a16, s16, count, n);
      expect(memory.readRows32(dst, count, n)).toEqual(a);
      kernels.narrow(dst, s16, a32, s32, count, n);
      expect(memory.readRows16(dst, count, n)).toEqual(a);
      kernels.table(dst, s16, a16, s16, count, n, memory.place(TABLES.silu));
      const looked = a.map((value) => value.map((x) => TABLES.silu[x + 32768] ?? Number.NaN));
      expect(memory.readRows16(dst, count, n)).toEqual(looked);
    }),
  );
});
