import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { argmax, sample } from "../src/twins/choose.ts";
import { keccak256 } from "../src/twins/keccak256.ts";
import { integer, TABLES } from "./arbitraries.ts";
import { BenchMemory } from "./bench-memory.ts";

const memory = new BenchMemory();
const { kernels } = memory;

beforeEach(() => memory.clear());

/** First 8 bytes of keccak256(seed ‖ uint64be(position)). */
function draw(seed: Uint8Array, position: number): bigint {
  const message = new Uint8Array(40);
  message.set(seed);
  new DataView(message.buffer).setUint32(36, position);
  const digest = keccak256(message);
  return new DataView(digest.buffer, digest.byteOffset).getBigUint64(0);
}

const logits = fc.oneof(
  fc.array(integer(2 ** 22), { minLength: 1, maxLength: 300 }),
  fc.array(integer(4000), { minLength: 1, maxLength: 300 }),
  fc.array(integer(3), { minLength: 1, maxLength: 30 }),
);

test("argmax takes the lowest index among the largest", () => {
  fc.assert(
    fc.property(logits, (x) => {
      memory.clear();
      expect(kernels.argmax(memory.place(Int32Array.from(x)), x.length)).toBe(argmax(x));
    }),
  );
});

test("sample is its twin", () => {
  const cases = fc.record({
    x: logits,
    invTemperature: fc.oneof(fc.integer({ min: 1, max: 16383 }), fc.constantFrom(1, 1024, 16383)),
    topP: fc.oneof(fc.integer({ min: 1, max: 65536 }), fc.constantFrom(1, 58982, 65535, 65536)),
    seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    position: fc.nat(16383),
  });
  const exp = (): number => memory.place(TABLES.exp);
  fc.assert(
    fc.property(cases, ({ x, invTemperature, topP, seed, position }) => {
      memory.clear();
      const token = kernels.sample(
        memory.place(Int32Array.from(x)),
        x.length,
        invTemperature,
        topP,
        memory.place(seed),
        position,
        exp(),
        memory.room(2 * x.length),
      );
      expect(token).toBe(sample(x, invTemperature, topP, draw(seed, position), TABLES.exp));
    }),
    { numRuns: 500 },
  );
});

test("sample of 2^18 equal logits: the largest Z, 2^32", () => {
  const n = 2 ** 18;
  const x = memory.place(new Int32Array(n).fill(-7));
  const [exp, scratch] = [memory.place(TABLES.exp), memory.room(2 * n)];
  for (let position = 0; position < 20; position++) {
    const seed = new Uint8Array(32).fill(position);
    const token = kernels.sample(x, n, 1024, 65536, memory.place(seed), position, exp, scratch);
    expect(token).toBe(Number((draw(seed, position) * BigInt(2 ** 32)) >> 64n) >>> 14);
  }
});
