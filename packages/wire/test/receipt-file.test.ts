import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  concatBytes,
  decodeReceiptFile,
  encodeReceiptFile,
  FormatError,
  MAX_RECEIPT_FILE_BYTES,
  MAX_TOKENS,
} from "../src/index.ts";
import { anyReceiptFile, filled, sampleFile } from "./sample.ts";

/** Offsets written down from the table of spec/03 §3.4, not from the code. */
const AT = {
  version: 8,
  settlement: 18,
  order: 38,
  seedSource: 38 + 128,
  orderSignature: 279,
  workerNonce: 344,
  receipt: 441,
  finishReason: 441 + 188,
  receiptSignature: 686,
  inputSalt: 751,
  promptCount: 847,
  tokens: 851,
};

function patched(offset: number, ...bytes: readonly number[]): Uint8Array {
  const file = encodeReceiptFile(sampleFile);
  file.set(bytes, offset);
  return file;
}

describe("receipt files", () => {
  test("lie as the table of spec/03 §3.4 says", () => {
    const file = encodeReceiptFile(sampleFile);
    const view = new DataView(file.buffer);
    const text = new TextDecoder().decode(file.subarray(0, AT.version));
    expect(text).toBe("ASSAYRCT");
    expect(view.getUint16(AT.version, true)).toBe(2);
    expect(view.getBigUint64(AT.version + 2, true)).toBe(31_337n);
    expect(file.subarray(AT.settlement, AT.order)).toEqual(filled(20, 0x21));
    expect(view.getBigUint64(AT.order + 72, true)).toBe(9n);
    expect(view.getUint32(AT.order + 112, true)).toBe(5);
    expect(view.getUint32(AT.order + 124, true)).toBe(65_536);
    expect(view.getBigUint64(AT.order + 169, true)).toBe(7n);
    expect(view.getBigUint64(AT.order + 201, true)).toBe(1_800_000_000n);
    expect(file.subarray(AT.order + 209, AT.orderSignature)).toEqual(filled(32, 0x06));
    expect(file.subarray(AT.orderSignature, AT.workerNonce)).toEqual(filled(65, 0x22));
    expect(file.subarray(AT.receipt, AT.receipt + 32)).toEqual(filled(32, 0x11));
    expect(view.getUint8(AT.finishReason)).toBe(2);
    expect(view.getBigUint64(AT.finishReason + 1, true)).toBe(83n);
    expect(file.subarray(AT.receiptSignature, AT.inputSalt)).toEqual(filled(65, 0x25));
    expect(view.getUint32(AT.promptCount, true)).toBe(5);
    expect(view.getUint32(AT.tokens + 4 * 5, true)).toBe(6);
    expect(file).toHaveLength(AT.tokens + 4 * 5 + 4 + 4 * 6);
  });

  test("decoding inverts encoding", () => {
    fc.assert(
      fc.property(anyReceiptFile, (file) => {
        expect(decodeReceiptFile(encodeReceiptFile(file))).toEqual(file);
      }),
    );
  });

  test("any bytes are either the one encoding of a file or refused", () => {
    const file = encodeReceiptFile(sampleFile);
    const mutated = fc
      .tuple(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: 4 }))
      .map(([at, byte, cut]) => {
        const bytes = file.slice(0, file.length - cut);
        bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1000 }), mutated), (bytes) => {
        try {
          expect(encodeReceiptFile(decodeReceiptFile(bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("every proper beginning of a file is refused as truncated", () => {
    const file = encodeReceiptFile(sampleFile);
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeReceiptFile(file.subarray(0, length))).toThrow(
        expect.objectContaining({ detail: expect.objectContaining({ code: "FORMAT_TRUNCATED" }) }),
      );
    }
  });

  test.each([
    ["other bytes", patched(0, 0x42), { code: "FORMAT_MAGIC" }],
    ["the version before", patched(AT.version, 1), { code: "FORMAT_VERSION", actual: 1 }],
    ["a later version", patched(AT.version, 3), { code: "FORMAT_VERSION", actual: 3 }],
    [
      "an unknown seed source",
      patched(AT.seedSource, 2),
      { code: "FORMAT_VALUE", field: "seedSource", actual: 2 },
    ],
    [
      "finish reason 0",
      patched(AT.finishReason, 0),
      { code: "FORMAT_VALUE", field: "finishReason", actual: 0 },
    ],
    [
      "more prompt tokens than are allowed",
      patched(AT.promptCount, 0x01, 0x40),
      { code: "FORMAT_COUNT", field: "prompt", actual: 16_385, min: 0, max: 16_384 },
    ],
    [
      "a prompt longer than the file",
      patched(AT.promptCount, 0x00, 0x40),
      { code: "FORMAT_TRUNCATED", field: "prompt", needed: 65_536, left: 48 },
    ],
    [
      "more output tokens than are allowed",
      patched(AT.tokens + 20, 0xff, 0xff, 0xff, 0xff),
      { code: "FORMAT_COUNT", field: "output", actual: 4_294_967_295, min: 0, max: 16_384 },
    ],
    [
      "a byte after the end",
      concatBytes(encodeReceiptFile(sampleFile), Uint8Array.of(0)),
      { code: "FORMAT_TRAILING", left: 1 },
    ],
    [
      "a longer file than any",
      new Uint8Array(MAX_RECEIPT_FILE_BYTES + 1),
      { code: "FORMAT_TOO_LONG", actual: 131_928, max: 131_927 },
    ],
  ])("refuses %s", (_name, bytes, detail) => {
    expect(() => decodeReceiptFile(bytes)).toThrow(
      expect.objectContaining({
        name: "FormatError",
        message: expect.stringContaining("receipt file"),
        detail: { format: "receipt file", ...detail },
      }),
    );
  });

  test("the largest file there is round-trips, and one token more is the caller's bug", () => {
    const tokens = Array.from({ length: MAX_TOKENS }, (_, i) => i);
    const bytes = encodeReceiptFile({ ...sampleFile, prompt: tokens, output: tokens });
    expect(bytes).toHaveLength(MAX_RECEIPT_FILE_BYTES);
    expect(decodeReceiptFile(bytes).output).toEqual(tokens);
    expect(() => encodeReceiptFile({ ...sampleFile, output: [...tokens, 0] })).toThrow(RangeError);
  });

  const { order, receipt } = sampleFile;
  test.each([
    ["a short signature", { orderSignature: filled(64, 1) }],
    ["a short nonce", { workerNonce: filled(31, 1) }],
    ["a short address", { order: { ...order, client: filled(19, 1) } }],
    ["a price beyond uint128", { receipt: { ...receipt, price: 2n ** 128n } }],
    ["a negative time", { receipt: { ...receipt, completedAt: -1n } }],
    ["a fraction of a token", { order: { ...order, maxTokens: 1.5 } }],
    ["a count beyond u32", { order: { ...order, maxTokens: 2 ** 32 } }],
    ["a token beyond u32", { prompt: [2 ** 32] }],
    ["a token that is no number", { output: [Number.NaN] }],
  ])("refuses to encode %s", (_name, change) => {
    expect(() => encodeReceiptFile({ ...sampleFile, ...change })).toThrow(RangeError);
  });

  test("what was decoded does not change with the bytes", () => {
    const bytes = encodeReceiptFile(sampleFile);
    const file = decodeReceiptFile(bytes);
    bytes.fill(0);
    expect(file).toEqual(sampleFile);
  });
});
