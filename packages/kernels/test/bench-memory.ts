/** A memory to lay rows out in for one test: places values, hands out room, reads rows back. */

import { instantiateKernels, type Kernels, paddedWidth, RESERVED_BYTES } from "../src/index.ts";

type Integers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

const MEMORY_PAGES = 256;
/** What unwritten memory holds: not zero, so that a kernel that counts on zeros is caught. */
const GARBAGE = 0x5b;

export class BenchMemory {
  readonly kernels: Kernels;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #next: number = RESERVED_BYTES;

  constructor() {
    const { kernels, memory } = instantiateKernels(MEMORY_PAGES, MEMORY_PAGES);
    this.kernels = kernels;
    this.#bytes = new Uint8Array(memory.buffer);
    this.clear();
  }

  clear(): void {
    this.#next = RESERVED_BYTES;
    this.#bytes.fill(GARBAGE, RESERVED_BYTES);
  }

  room(bytes: number): number {
    const pointer = this.#next;
    this.#next += Math.ceil((bytes + 64) / 16) * 16;
    if (this.#next > this.#bytes.length) throw new RangeError("the test needs more memory");
    return pointer;
  }

  place(values: Integers): number {
    const pointer = this.room(values.byteLength);
    this.bytes(pointer, values.byteLength).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
    return pointer;
  }

  /** Rows one after the other at the padded width. */
  rows16(rows: readonly (readonly number[])[]): number {
    return this.#rows(rows, 2, (values) => Int16Array.from(values));
  }

  rows32(rows: readonly (readonly number[])[]): number {
    return this.#rows(rows, 4, (values) => Int32Array.from(values));
  }

  #rows(
    rows: readonly (readonly number[])[],
    size: number,
    encode: (row: readonly number[]) => Integers,
  ): number {
    const stride = paddedWidth(rows[0]?.length ?? 0) * size;
    const pointer = this.room(rows.length * stride);
    rows.forEach((row, r) => {
      const encoded = encode(row);
      this.bytes(pointer + r * stride, encoded.byteLength).set(new Uint8Array(encoded.buffer));
    });
    return pointer;
  }

  bytes(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(pointer, pointer + length);
  }

  int16(pointer: number, length: number): number[] {
    return Array.from(new Int16Array(this.#bytes.slice(pointer, pointer + 2 * length).buffer));
  }

  int32(pointer: number, length: number): number[] {
    return Array.from(new Int32Array(this.#bytes.slice(pointer, pointer + 4 * length).buffer));
  }

  readRows16(pointer: number, rows: number, width: number): number[][] {
    const stride = 2 * paddedWidth(width);
    return Array.from({ length: rows }, (_, r) => this.int16(pointer + r * stride, width));
  }

  readRows32(pointer: number, rows: number, width: number): number[][] {
    const stride = 4 * paddedWidth(width);
    return Array.from({ length: rows }, (_, r) => this.int32(pointer + r * stride, width));
  }
}
