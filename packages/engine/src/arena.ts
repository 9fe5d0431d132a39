import {
  BUFFER_SLACK,
  instantiateKernels,
  type KernelMemory,
  type Kernels,
  MEMORY_PAGE_BYTES,
  type Pointer,
  RESERVED_BYTES,
} from "@assay/kernels";
import { EngineError } from "./engine-error.ts";

const ALIGNMENT = 16;

/** The kernels' memory: handed out from the bottom, grown as needed up to a limit, never given back. */
export class Arena {
  readonly kernels: Kernels;
  readonly #memory: KernelMemory;
  readonly #limit: number;
  #end: number = RESERVED_BYTES;

  /** `limit` in bytes, at most 2^32 − 65536. */
  constructor(limit: number) {
    const maximumPages = Math.max(1, Math.floor(limit / MEMORY_PAGE_BYTES));
    const { kernels, memory } = instantiateKernels(1, maximumPages);
    this.kernels = kernels;
    this.#memory = memory;
    this.#limit = maximumPages * MEMORY_PAGE_BYTES;
  }

  /** Bytes handed out so far. */
  get size(): number {
    return this.#end;
  }

  /** @throws {EngineError} ENGINE_MEMORY, and nothing has changed */
  allocate(bytes: number): Pointer {
    const pointer = this.#end;
    const end = pointer + Math.ceil((bytes + BUFFER_SLACK) / ALIGNMENT) * ALIGNMENT;
    if (end > this.#limit) this.#refuse(end);
    const missing = Math.ceil((end - this.#memory.buffer.byteLength) / MEMORY_PAGE_BYTES);
    if (missing > 0) {
      try {
        this.#memory.grow(missing);
      } catch {
        this.#refuse(end);
      }
    }
    this.#end = end;
    return pointer;
  }

  #refuse(needed: number): never {
    throw new EngineError({ code: "ENGINE_MEMORY", needed, limit: this.#limit });
  }

  /** A view that the next `allocate` may detach: use it at once. */
  bytes(pointer: Pointer, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, pointer, length);
  }

  /** As {@link bytes}. */
  words(pointer: Pointer, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#memory.buffer, pointer, length);
  }

  copy(to: Pointer, from: Pointer, length: number): void {
    new Uint8Array(this.#memory.buffer).copyWithin(to, from, from + length);
  }

  /** The address of a copy of `values`. */
  place(values: ArrayBufferView): Pointer {
    const pointer = this.allocate(values.byteLength);
    const source = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.bytes(pointer, values.byteLength).set(source);
    return pointer;
  }
}
