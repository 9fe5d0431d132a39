/**
 * Reads little-endian fields from bytes of strangers: every read is bounded before it happens.
 */

import { FormatError } from "./format-error.ts";

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #format: string;
  #at = 0;

  /** @param format what the bytes claim to be, for error messages */
  constructor(bytes: Uint8Array, format: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
  }

  get format(): string {
    return this.#format;
  }

  /** A copy, so that what is read does not change or keep alive what it was read from. */
  bytes(length: number, field: string): Uint8Array {
    const at = this.#take(length, field);
    return this.#bytes.slice(at, at + length);
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(2, field), true);
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(4, field), true);
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field), true);
  }

  u128(field: string): bigint {
    const at = this.#take(16, field);
    return (this.#view.getBigUint64(at + 8, true) << 64n) | this.#view.getBigUint64(at, true);
  }

  /** A u32 count and as many u32. Count and length are checked before anything is allocated. */
  u32List(field: string, bounds: { readonly min: number; readonly max: number }): number[] {
    const count = this.u32(field);
    if (count < bounds.min || count > bounds.max) {
      throw new FormatError({
        code: "FORMAT_COUNT",
        format: this.#format,
        field,
        actual: count,
        ...bounds,
      });
    }
    const at = this.#take(4 * count, field);
    return Array.from({ length: count }, (_, i) => this.#view.getUint32(at + 4 * i, true));
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at, "rest");
  }

  /** @throws {FormatError} if bytes are left. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left !== 0) throw new FormatError({ code: "FORMAT_TRAILING", format: this.#format, left });
  }

  #take(length: number, field: string): number {
    const left = this.#bytes.length - this.#at;
    if (length > left) {
      throw new FormatError({
        code: "FORMAT_TRUNCATED",
        format: this.#format,
        field,
        needed: length,
        left,
      });
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
