import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytesToHex,
  concatBytes,
  DATA_CHUNK_BYTES,
  dataLeaves,
  dataRoot,
  keccak256,
  merkleDepth,
  merkleProof,
  merkleRoot,
  sha256,
  verifyMerkleProof,
} from "../src/index.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const leafOf = (n: number): Uint8Array => keccak256(Uint8Array.of(n));
const ZERO = new Uint8Array(32);

describe("hashes", () => {
  test("keccak256 is the EVM's, by the published digests of the empty string and of abc", () => {
    expect(bytesToHex(keccak256(text("")))).toBe(
      "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    );
    expect(bytesToHex(keccak256(text("abc")))).toBe(
      "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    );
  });

  test("sha256 agrees with OpenSSL for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(sha256(bytes)).toEqual(Uint8Array.from(createHash("sha256").update(bytes).digest()));
      }),
    );
  });
});

describe("Merkle trees", () => {
  /** The definition, word for word: pad to a power of two, hash pairs until one is left. */
  function padded(leaves: readonly Uint8Array[]): Uint8Array {
    let level = [...leaves];
    while (Math.log2(level.length) % 1 !== 0) level.push(ZERO);
    while (level.length > 1) {
      level = level.flatMap((left, i) =>
        i % 2 === 0 ? [keccak256(concatBytes(left, level[i + 1] ?? ZERO))] : [],
      );
    }
    return level[0] ?? ZERO;
  }

  test.each(Array.from({ length: 18 }, (_, i) => i + 1))(
    "of %i leaves: the padded tree's root, and a proof of every leaf",
    (count) => {
      const leaves = Array.from({ length: count }, (_, i) => leafOf(i));
      const root = merkleRoot(leaves);
      expect(root).toEqual(padded(leaves));
      leaves.forEach((leaf, index) => {
        const proof = merkleProof(leaves, index);
        expect(proof).toHaveLength(merkleDepth(count));
        expect(verifyMerkleProof(root, leaf, index, count, proof)).toBe(true);
      });
    },
  );

  test("one leaf is its own root", () => {
    expect(merkleRoot([leafOf(7)])).toEqual(leafOf(7));
  });

  test("a proof holds for no other leaf, index, count, root or sibling", () => {
    const leaves = Array.from({ length: 5 }, (_, i) => leafOf(i));
    const root = merkleRoot(leaves);
    const proof = merkleProof(leaves, 2);
    const [first, ...rest] = proof;
    const verify = verifyMerkleProof;
    expect(verify(root, leafOf(9), 2, 5, proof)).toBe(false);
    expect(verify(root, leafOf(2), 3, 5, proof)).toBe(false);
    expect(verify(root, leafOf(2), 2, 4, proof)).toBe(false);
    expect(verify(root, leafOf(2), 2, 2, proof)).toBe(false);
    expect(verify(root, leafOf(2), 10, 5, proof)).toBe(false);
    expect(verify(root, leafOf(2), -1, 5, proof)).toBe(false);
    expect(verify(root, leafOf(2), 2.5, 5, proof)).toBe(false);
    expect(verify(root, leafOf(2), 2, Number.POSITIVE_INFINITY, proof)).toBe(false);
    expect(verify(leafOf(9), leafOf(2), 2, 5, proof)).toBe(false);
    expect(verify(root, leafOf(2), 2, 5, rest)).toBe(false);
    expect(verify(root, leafOf(2), 2, 5, [...proof, ZERO])).toBe(false);
    expect(verify(root, leafOf(2), 2, 5, [leafOf(2), ...rest])).toBe(false);
    expect(verify(root, leafOf(2), 2, 5, [first?.subarray(1) ?? ZERO, ...rest])).toBe(false);
    expect(verify(root, leafOf(2).subarray(1), 2, 5, proof)).toBe(false);
    expect(verify(root.subarray(1), leafOf(2), 2, 5, proof)).toBe(false);
  });

  test("a tree without leaves, a short leaf and a proof of no leaf are bugs of the caller", () => {
    expect(() => merkleRoot([])).toThrow(RangeError);
    expect(() => merkleRoot([ZERO.subarray(1)])).toThrow(RangeError);
    expect(() => merkleProof([ZERO], 1)).toThrow(RangeError);
    expect(() => merkleProof([ZERO], -1)).toThrow(RangeError);
    expect(() => merkleProof([ZERO], 0.5)).toThrow(RangeError);
  });
});

describe("data roots", () => {
  test.each([
    [0, 1],
    [1, 1],
    [DATA_CHUNK_BYTES, 1],
    [DATA_CHUNK_BYTES + 1, 2],
    [3 * DATA_CHUNK_BYTES - 1, 3],
  ])("of %i bytes stand on %i leaves", (length, count) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i % 251);
    const leaves = dataLeaves(bytes);
    expect(leaves).toHaveLength(count);
    expect(leaves[0]).toEqual(sha256(bytes.slice(0, DATA_CHUNK_BYTES)));
    expect(leaves.at(-1)).toEqual(sha256(bytes.slice((count - 1) * DATA_CHUNK_BYTES)));
    expect(dataRoot(bytes)).toEqual(merkleRoot(leaves));
  });

  test("another SHA-256 gives the same root", () => {
    const native = (chunk: Uint8Array): Uint8Array =>
      Uint8Array.from(createHash("sha256").update(chunk).digest());
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
    expect(dataRoot(bytes, native)).toEqual(dataRoot(bytes));
  });
});
