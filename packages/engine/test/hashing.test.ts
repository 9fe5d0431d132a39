import { bytesToHex, dataRoot, keccak256, merkleRoot, sha256 } from "@assay/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashing } from "../src/index.ts";

const bytesOf = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 131 + (i >> 8) * 7) & 255);

describe("hashing by the kernels equals the specification's (spec/02 §2.1)", () => {
  test.each([0, 1, 1023, 1024, 1025, 4095, 4096, 4097, 5120, 7 * 1024 + 3, 100_000])(
    "%i bytes",
    (length) => {
      const bytes = bytesOf(length);
      expect(bytesToHex(hashing().dataRoot(bytes))).toBe(bytesToHex(dataRoot(bytes)));
      expect(bytesToHex(hashing().sha256(bytes))).toBe(bytesToHex(sha256(bytes)));
      expect(bytesToHex(hashing().keccak256(bytes))).toBe(bytesToHex(keccak256(bytes)));
    },
  );

  test.each([1, 2, 3, 4, 5, 191, 4095, 4096, 4097])("a tree of %i leaves", (count) => {
    const leaves = Array.from({ length: count }, (_, i) => bytesOf(32).fill(i & 255, 0, 4));
    expect(hashing().merkleRoot(leaves)).toEqual(merkleRoot(leaves));
  });

  test("a tree of none, or of a leaf that is no hash, is refused", () => {
    expect(() => hashing().merkleRoot([])).toThrow(RangeError);
    expect(() => hashing().merkleRoot([bytesOf(31)])).toThrow(RangeError);
    expect(() => hashing().merkleRoot([bytesOf(32), bytesOf(33)])).toThrow(RangeError);
  });

  test.each([4096, 4097, 8192, 12_289])("%i chunks: one pass, and more than one", (chunks) => {
    const bytes = bytesOf(chunks * 1024 - 5);
    expect(bytesToHex(hashing().dataRoot(bytes))).toBe(bytesToHex(dataRoot(bytes)));
  });

  test("any bytes, whatever was hashed before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9_000 }), (bytes) => {
        expect(hashing().dataRoot(bytes)).toEqual(dataRoot(bytes));
        expect(hashing().keccak256(bytes)).toEqual(keccak256(bytes));
      }),
    );
  });

  test("what does not fit one pass: refused by sha256, done plainly by keccak256", () => {
    const bytes = bytesOf(4096 * 1024 + 1);
    expect(() => hashing().sha256(bytes)).toThrow(RangeError);
    expect(hashing().keccak256(bytes)).toEqual(keccak256(bytes));
  });
});
