import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSafetensors, SafetensorsError, toFloat32 } from "../src/huggingface/index.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const F32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const U16 = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

function valuesOf(dtype: string, data: Uint8Array): number[] {
  const shape = [data.length / (dtype === "F32" ? 4 : 2)];
  const tensor = readSafetensors(writeSafetensors({ w: { dtype, shape, data } })).get("w");
  return tensor === undefined ? [] : [...toFloat32(tensor)];
}

describe("values", () => {
  test("F32", () => {
    expect(valuesOf("F32", F32(0, -1.5, 3e-40))).toEqual([0, -1.5, Math.fround(3e-40)]);
  });

  test("F16: zero, one, smallest, largest subnormal, largest, negative", () => {
    const bits = [0x0000, 0x3c00, 0x0001, 0x03ff, 0x7bff, 0xc500, 0x3555, 0x0400];
    expect(valuesOf("F16", U16(...bits))).toEqual([
      0,
      1,
      2 ** -24,
      1023 * 2 ** -24,
      65_504,
      -5,
      0.333251953125,
      2 ** -14,
    ]);
  });

  test("BF16", () => {
    expect(valuesOf("BF16", U16(0x3f80, 0xc2f7, 0x0001))).toEqual([1, -123.5, 2 ** -133]);
  });

  test.each([
    ["F32", F32(0, Number.NaN)],
    ["F16", U16(0, 0x7c00)],
    ["BF16", U16(0, 0xff80)],
  ])("%s that is not finite is refused", (dtype, data) => {
    expect(() => valuesOf(dtype, data)).toThrow(
      expect.objectContaining({
        detail: { code: "SAFETENSORS_NOT_FINITE", name: "w", index: 1 },
      }),
    );
  });
});

describe("tampered files", () => {
  const good = writeSafetensors({
    a: { dtype: "F32", shape: [2], data: F32(1, 2) },
    b: { dtype: "F16", shape: [1, 3], data: U16(0, 0, 0) },
  });
  const withHeader = (header: string, data = 14) => {
    const text = new TextEncoder().encode(header);
    const file = new Uint8Array(8 + text.length + data);
    new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    file.set(text, 8);
    return file;
  };
  const entry = (fields: object) =>
    withHeader(
      JSON.stringify({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields } }),
      8,
    );
  const twoAt = (first: number[], second: number[], data: number) =>
    withHeader(
      JSON.stringify({
        a: { dtype: "F32", shape: [2], data_offsets: first },
        b: { dtype: "F32", shape: [1], data_offsets: second },
      }),
      data,
    );

  test("the untampered one is read, in the order of its data", () => {
    const tensors = [...readSafetensors(good).values()];
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ["a", [2]],
      ["b", [1, 3]],
    ]);
  });

  test.each([
    ["cut in the length", good.subarray(0, 7), "SAFETENSORS_SHORT"],
    ["cut in the header", good.subarray(0, 40), "SAFETENSORS_HEADER_LENGTH"],
    ["cut in the data", good.subarray(0, -1), "SAFETENSORS_DATA_LENGTH"],
    ["longer", Uint8Array.of(...good, 0), "SAFETENSORS_DATA_LENGTH"],
    ["a header of 2^63 bytes", good.with(7, 0x80), "SAFETENSORS_HEADER_LENGTH"],
    ["a header that is no JSON", withHeader("{"), "SAFETENSORS_HEADER_JSON"],
    ["a header that is a list", withHeader("[]"), "SAFETENSORS_HEADER_JSON"],
    ["a tensor that is no object", withHeader('{"a":1}'), "SAFETENSORS_SHAPE"],
    ["an unknown type", entry({ dtype: "I64" }), "SAFETENSORS_TYPE"],
    ["a type named like a method", entry({ dtype: "toString" }), "SAFETENSORS_TYPE"],
    ["a negative size", entry({ shape: [-2] }), "SAFETENSORS_SHAPE"],
    ["a broken size", entry({ shape: [1.5] }), "SAFETENSORS_SHAPE"],
    ["too many dimensions", entry({ shape: Array(9).fill(1) }), "SAFETENSORS_SHAPE"],
    ["one offset", entry({ data_offsets: [8] }), "SAFETENSORS_OFFSETS"],
    ["offsets backwards", entry({ data_offsets: [8, 0] }), "SAFETENSORS_LENGTH"],
    ["a shape too small", entry({ shape: [1] }), "SAFETENSORS_LENGTH"],
    ["a shape that overflows", entry({ shape: [2 ** 40, 2 ** 40] }), "SAFETENSORS_LENGTH"],
    ["overlap", twoAt([0, 8], [4, 8], 8), "SAFETENSORS_COVER"],
    ["a gap", twoAt([0, 8], [12, 16], 16), "SAFETENSORS_COVER"],
    ["a gap at the start", twoAt([4, 12], [12, 16], 16), "SAFETENSORS_COVER"],
    ["a tensor beyond the end", twoAt([0, 8], [8, 12], 8), "SAFETENSORS_DATA_LENGTH"],
  ])("%s", (_name, file, code) => {
    expect(() => readSafetensors(file)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ code }) }),
    );
  });

  test("any change of a byte gives tensors within the file or a coded error", () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        try {
          for (const { bytes } of readSafetensors(good.with(at, byte)).values()) {
            expect(bytes.length).toBeLessThanOrEqual(14);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
    );
  });
});
