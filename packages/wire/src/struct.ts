/**
 * Records of fixed size, written once: the same list of fields gives the bytes in files and messages
 * and the hash of EIP-712, so the two cannot drift apart.
 */

import type { ByteReader } from "./byte-reader.ts";
import { concatBytes } from "./bytes.ts";
import type { Field } from "./field.ts";
import { keccak256 } from "./hash.ts";

/** One field for each property of `T`, in the order of the specification. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

export interface Struct<T> {
  /** EIP-712's encodeType. */
  readonly encodedType: string;
  readonly size: number;
  /** @throws {RangeError} if a field does not hold its value: that is the caller's bug. */
  encode(value: T): Uint8Array;
  decode(reader: ByteReader): T;
  /**
   * EIP-712's hashStruct.
   *
   * @throws {RangeError} if a field does not hold its value: that is the caller's bug.
   */
  hash(value: T): Uint8Array;
}

export function struct<T extends object>(typeName: string, fields: Fields<T>): Struct<T> {
  const members: string[] = [];
  let size = 0;
  for (const name in fields) {
    members.push(`${fields[name].type} ${name}`);
    size += fields[name].size;
  }
  const encodedType = `${typeName}(${members.join(",")})`;
  const typeHash = keccak256(new TextEncoder().encode(encodedType));

  const isComplete = (value: Partial<T>): value is T => {
    for (const name in fields) if (!fields[name].holds(value[name])) return false;
    return true;
  };

  return {
    encodedType,
    size,
    encode: (value) => {
      const parts: Uint8Array[] = [];
      for (const name in fields) parts.push(fields[name].encode(value[name]));
      return concatBytes(...parts);
    },
    decode: (reader) => {
      const value: Partial<T> = {};
      for (const name in fields) value[name] = fields[name].decode(reader, name);
      if (!isComplete(value)) throw new TypeError(`a ${typeName} was read incompletely`);
      return value;
    },
    hash: (value) => {
      const words = [typeHash];
      for (const name in fields) words.push(fields[name].word(value[name]));
      return keccak256(concatBytes(...words));
    },
  };
}
