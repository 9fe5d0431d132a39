/**
 * The fields that records are made of, each with its two encodings: little-endian bytes in files and
 * messages (spec/03 §3.4), and the 32-byte word of EIP-712 in hashes.
 */

import type { ByteReader } from "./byte-reader.ts";
import { FormatError } from "./format-error.ts";
import { HASH_BYTES } from "./hash.ts";

export const ADDRESS_BYTES = 20;

export interface Field<T> {
  /** Its name in EIP-712. */
  readonly type: string;
  /** Bytes in files and messages. */
  readonly size: number;
  holds(value: unknown): value is T;
  /** @throws {RangeError} if the field does not hold `value`: that is the caller's bug. */
  encode(value: T): Uint8Array;
  decode(reader: ByteReader, name: string): T;
  /** @throws {RangeError} if the field does not hold `value`: that is the caller's bug. */
  word(value: T): Uint8Array;
}

/** `value` in `size` bytes, lowest first. */
export function littleEndian(value: number | bigint, size: number): Uint8Array {
  const bits = BigInt(value);
  if (bits < 0n || bits >> BigInt(8 * size) !== 0n) {
    throw new RangeError(`${value} does not fit a field of ${size} bytes`);
  }
  return Uint8Array.from({ length: size }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
}

/** `value` in `size` bytes, highest first. */
export function bigEndian(value: number | bigint, size: number): Uint8Array {
  return littleEndian(value, size).reverse();
}

function leftPadded(bytes: Uint8Array): Uint8Array {
  const word = new Uint8Array(HASH_BYTES);
  word.set(bytes, HASH_BYTES - bytes.length);
  return word;
}

function numberField(size: 1 | 2 | 4): Field<number> {
  const holds = (value: unknown): value is number =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 256 ** size;
  return {
    type: `uint${8 * size}`,
    size,
    holds,
    encode: (value) => littleEndian(value, size),
    decode: (reader, name) => {
      if (size === 1) return reader.u8(name);
      return size === 2 ? reader.u16(name) : reader.u32(name);
    },
    word: (value) => leftPadded(bigEndian(value, size)),
  };
}

function bigintField(size: 8 | 16): Field<bigint> {
  const holds = (value: unknown): value is bigint =>
    typeof value === "bigint" && value >= 0n && value >> BigInt(8 * size) === 0n;
  return {
    type: `uint${8 * size}`,
    size,
    holds,
    encode: (value) => littleEndian(value, size),
    decode: (reader, name) => (size === 8 ? reader.u64(name) : reader.u128(name)),
    word: (value) => leftPadded(bigEndian(value, size)),
  };
}

function bytesField(type: string, size: number): Field<Uint8Array> {
  const holds = (value: unknown): value is Uint8Array =>
    value instanceof Uint8Array && value.length === size;
  const checked = (value: Uint8Array): Uint8Array => {
    if (value.length !== size)
      throw new RangeError(`${type} has ${size} bytes, not ${value.length}`);
    return value;
  };
  return {
    type,
    size,
    holds,
    encode: (value) => checked(value).slice(),
    decode: (reader, name) => reader.bytes(size, name),
    word: (value) => leftPadded(checked(value)),
  };
}

export const u8: Field<number> = numberField(1);
export const u16: Field<number> = numberField(2);
export const u32: Field<number> = numberField(4);
export const u64: Field<bigint> = bigintField(8);
export const u128: Field<bigint> = bigintField(16);
export const bytes32: Field<Uint8Array> = bytesField("bytes32", HASH_BYTES);
export const address: Field<Uint8Array> = bytesField("address", ADDRESS_BYTES);

/** A u8 that is one of `values`; a decoder refuses every other. */
export function u8Of<T extends number>(...values: readonly T[]): Field<T> {
  const holds = (value: unknown): value is T => values.some((member) => member === value);
  const checked = (value: T): number => {
    if (!holds(value)) throw new RangeError(`${value} is none of ${values.join(", ")}`);
    return value;
  };
  return {
    type: u8.type,
    size: u8.size,
    holds,
    encode: (value) => u8.encode(checked(value)),
    decode: (reader, name) => {
      const actual = reader.u8(name);
      if (!holds(actual)) {
        throw new FormatError({
          code: "FORMAT_VALUE",
          format: reader.format,
          field: name,
          actual,
        });
      }
      return actual;
    },
    word: (value) => u8.word(checked(value)),
  };
}
