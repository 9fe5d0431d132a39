/**
 * Byte strings: hexadecimal text, concatenation, equality.
 *
 * Text form is lower-case hexadecimal without a prefix, the one spelling that {@link hexToBytes}
 * accepts, so that a byte string has exactly one text.
 */

import { CodedError } from "./coded-error.ts";

/** One member per way in which a text is not the hexadecimal form of a byte string. */
export type HexErrorDetail =
  | { readonly code: "HEX_ODD_LENGTH"; readonly length: number }
  | { readonly code: "HEX_LENGTH"; readonly expected: number; readonly actual: number }
  | { readonly code: "HEX_DIGIT"; readonly index: number };

/** Thrown by {@link hexToBytes}. */
export class HexError extends CodedError<HexErrorDetail> {
  constructor(detail: HexErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: HexErrorDetail): string {
  switch (detail.code) {
    case "HEX_ODD_LENGTH":
      return `hex text has ${detail.length} digits, an odd number`;
    case "HEX_LENGTH":
      return `hex text has ${detail.actual} digits, expected ${detail.expected}`;
    case "HEX_DIGIT":
      return `hex text has something other than 0-9 or a-f at index ${detail.index}`;
  }
}

const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

const NOT_A_DIGIT = 0xff;
const DIGIT_OF_CODE: Uint8Array = (() => {
  const table = new Uint8Array(128).fill(NOT_A_DIGIT);
  for (let value = 0; value < 16; value++) table[value.toString(16).charCodeAt(0)] = value;
  return table;
})();

/** The lower-case hexadecimal text of `bytes`, two digits a byte. */
export function bytesToHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += HEX_OF_BYTE[byte];
  return hex;
}

/**
 * Reads lower-case hexadecimal text; {@link bytesToHex} is its exact inverse.
 *
 * @param length the number of bytes the text must hold; any where it is left out
 * @throws {HexError}
 */
export function hexToBytes(hex: string, length?: number): Uint8Array {
  if (length !== undefined && hex.length !== 2 * length) {
    throw new HexError({ code: "HEX_LENGTH", expected: 2 * length, actual: hex.length });
  }
  if (hex.length % 2 !== 0) throw new HexError({ code: "HEX_ODD_LENGTH", length: hex.length });
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = 16 * digitAt(hex, 2 * i) + digitAt(hex, 2 * i + 1);
  }
  return bytes;
}

function digitAt(hex: string, index: number): number {
  const digit = DIGIT_OF_CODE[hex.charCodeAt(index)] ?? NOT_A_DIGIT;
  if (digit === NOT_A_DIGIT) throw new HexError({ code: "HEX_DIGIT", index });
  return digit;
}

/** `parts` one after the other, in a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether both hold the same bytes. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
