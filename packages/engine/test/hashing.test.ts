import { bytesToHex, dataRoot, sha256 } from "@assay/wire";
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
    },
  );

  test.each([4096, 4097, 8192, 12_289])("%i chunks: one pass, and more than one", (chunks) => {
    const bytes = bytesOf(chunks * 1024 - 5);
    expect(bytesToHex(hashing().dataRoot(bytes))).toBe(bytesToHex(dataRoot(bytes)));
  });

  test("any bytes, whatever was hashed before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9_000 }), (bytes) => {
        expect(hashing().dataRoot(bytes)).toEqual(dataRoot(bytes));
      }),
    );
  });

  test("what does not fit one pass is refused by sha256", () => {
    expect(() => hashing().sha256(new Uint8Array(4096 * 1024 + 1))).toThrow(RangeError);
  });
});
