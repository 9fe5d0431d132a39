import { createHash } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { KERNELS_SHA256 } from "../src/generated/kernels-wasm.ts";
import { kernelsWasm } from "../src/kernels.ts";
import { keccak256 } from "../src/twins/keccak256.ts";
import { type Hashes, merkle, traceLeaf } from "../src/twins/tree.ts";
import { BenchMemory } from "./bench-memory.ts";

const memory = new BenchMemory();
const { kernels } = memory;

const hashes: Hashes = {
  sha256: (bytes) => Uint8Array.from(createHash("sha256").update(bytes).digest()),
  keccak256: (bytes) => keccak256(bytes),
};

beforeEach(() => memory.clear());

const noise = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i * 31 + salt, 0x9e3779b1) >>> 24);

test("the module is the one whose hash is recorded", () => {
  const bytes = kernelsWasm();
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(KERNELS_SHA256);
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the keccak twin is SHA3-256 with SHA3's padding, and the EVM's hash of nothing", () => {
  for (const length of [0, 1, 135, 136, 137, 272, 300]) {
    const message = noise(length, length);
    const sha3 = createHash("sha3-256").update(message).digest("hex");
    expect(hex(keccak256(message, 0x06))).toBe(sha3);
  }
  // EIP-1052: the code hash of an account without code.
  const nothing = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
  expect(hex(keccak256(new Uint8Array()))).toBe(nothing);
});

test("keccak256 is its twin, for every length around the rate", () => {
  for (let length = 0; length < 280; length++) {
    memory.clear();
    const dst = memory.room(32);
    const message = noise(length, length);
    kernels.keccak256(dst, memory.place(message), length);
    expect(memory.bytes(dst, 32)).toEqual(keccak256(message));
  }
});

test("sha256x4 hashes four messages at once, for every length around the padding", () => {
  for (const length of [...Array(140).keys(), 1000, 1023, 1024, 1025]) {
    memory.clear();
    const messages = [1, 2, 3, 4].map((salt) => noise(length, salt));
    const dst = memory.room(4 * 40);
    const [a = 0, b = 0, c = 0, d = 0] = messages.map((message) => memory.place(message));
    kernels.sha256x4(dst, 40, a, b, c, d, length);
    messages.forEach((message, lane) => {
      expect(memory.bytes(dst + 40 * lane, 32)).toEqual(hashes.sha256(message));
    });
  }
});

test("merkle pads with the node it is given", () => {
  for (let count = 1; count <= 17; count++) {
    memory.clear();
    const leaves = Array.from({ length: count }, (_, i) => noise(32, i));
    const size = 2 ** Math.ceil(Math.log2(count));
    const dst = memory.room(32 * size);
    leaves.forEach((leaf, i) => {
      memory.bytes(dst + 32 * i, 32).set(leaf);
    });
    kernels.merkle(dst, count, size, memory.place(new Uint8Array(32)));
    expect(memory.bytes(dst, 32)).toEqual(merkle(leaves, hashes.keccak256));
  }
});

test.each([
  { stateBytes: 4, kvBytes: 0 },
  { stateBytes: 512, kvBytes: 256 },
  { stateBytes: 1024, kvBytes: 2 },
  { stateBytes: 1028, kvBytes: 1026 },
  { stateBytes: 5000, kvBytes: 3072 },
])("trace leaves of $stateBytes bytes of state and $kvBytes of kv", ({ stateBytes, kvBytes }) => {
  for (const count of [1, 2, 3, 4, 5, 8, 13]) {
    memory.clear();
    const states = Array.from({ length: count }, (_, i) => noise(stateBytes, i));
    const kvs = Array.from({ length: count }, (_, i) => noise(kvBytes, 100 + i));
    const dst = memory.room(count * 96);
    const state = memory.place(Uint8Array.from(states.flatMap((bytes) => [...bytes])));
    const kv = memory.place(Uint8Array.from(kvs.flatMap((bytes) => [...bytes])));
    const scratch = memory.room(4 * 8 * 32);
    kernels.traceLeaves(dst, 96, state, stateBytes, kv, kvBytes, count, scratch);
    states.forEach((bytes, i) => {
      const expected = traceLeaf(bytes, kvs[i] ?? new Uint8Array(), hashes);
      expect(memory.bytes(dst + 96 * i, 32)).toEqual(expected);
    });
  }
});

test.each([1, 2, 3, 6, 8])("trace positions of %i blocks", (blocks) => {
  const count = 5;
  const leaves = Array.from({ length: count * blocks }, (_, i) => noise(32, i));
  const from = memory.place(Uint8Array.from(leaves.flatMap((leaf) => [...leaf])));
  const dst = memory.room(32 * count);
  kernels.tracePositions(dst, from, blocks, count, memory.room(32 * 8));
  for (let i = 0; i < count; i++) {
    const expected = merkle(leaves.slice(i * blocks, (i + 1) * blocks), hashes.keccak256);
    expect(memory.bytes(dst + 32 * i, 32)).toEqual(expected);
  }
});
