import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesToHex, concatBytes, equalBytes, HexError, hexToBytes } from "../src/index.ts";

/** RFC 4648 §10, in lower case. */
const PUBLISHED = [
  ["", ""],
  ["f", "66"],
  ["fo", "666f"],
  ["foo", "666f6f"],
  ["foob", "666f6f62"],
  ["fooba", "666f6f6261"],
  ["foobar", "666f6f626172"],
] as const;

describe("hexadecimal text", () => {
  test.each(PUBLISHED)("of %j is %j", (text, hex) => {
    const bytes = new TextEncoder().encode(text);
    expect(bytesToHex(bytes)).toBe(hex);
    expect(hexToBytes(hex)).toEqual(bytes);
  });

  test("agrees with Buffer for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = bytesToHex(bytes);
        expect(hex).toBe(Buffer.from(bytes).toString("hex"));
        expect(hexToBytes(hex)).toEqual(bytes);
        expect(hexToBytes(hex, bytes.length)).toEqual(bytes);
      }),
    );
  });

  test("any text is either the one text of its bytes or refused", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[0-9a-gA]*$/)),
        (text) => {
          try {
            expect(bytesToHex(hexToBytes(text))).toBe(text);
          } catch (error) {
            expect(error).toBeInstanceOf(HexError);
          }
        },
      ),
    );
  });

  test.each([
    ["an odd number of digits", "abc", undefined, { code: "HEX_ODD_LENGTH", length: 3 }],
    ["too few bytes", "abcd", 3, { code: "HEX_LENGTH", expected: 6, actual: 4 }],
    ["too many bytes", "abcd", 1, { code: "HEX_LENGTH", expected: 2, actual: 4 }],
    ["a prefix", "0xab", undefined, { code: "HEX_DIGIT", index: 1 }],
    ["upper case", "aB", undefined, { code: "HEX_DIGIT", index: 1 }],
    ["the character after 9", "0:", undefined, { code: "HEX_DIGIT", index: 1 }],
    ["a character beyond ASCII", "é0", undefined, { code: "HEX_DIGIT", index: 0 }],
  ])("refuses %s", (_name, hex, length, detail) => {
    expect(() => hexToBytes(hex, length)).toThrow(
      expect.objectContaining({ name: "HexError", detail }),
    );
  });
});

describe("concatBytes and equalBytes", () => {
  test("agree with Buffer", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.uint8Array(), (parts, other) => {
        const joined = concatBytes(...parts);
        expect(joined).toEqual(Uint8Array.from(Buffer.concat(parts)));
        expect(equalBytes(joined, other)).toBe(Buffer.compare(joined, other) === 0);
        expect(equalBytes(joined, joined.slice())).toBe(true);
      }),
    );
  });

  test.each([
    ["a longer second", [1, 2], [1, 2, 0]],
    ["a longer first", [1, 2, 0], [1, 2]],
    ["a different last byte", [1, 2], [1, 3]],
  ])("tell apart %s", (_name, a, b) => {
    expect(equalBytes(Uint8Array.from(a), Uint8Array.from(b))).toBe(false);
  });

  test("the result does not alias the only part", () => {
    const part = Uint8Array.of(1);
    concatBytes(part)[0] = 2;
    expect(part[0]).toBe(1);
  });
});
