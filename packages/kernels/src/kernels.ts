/** The compiled kernels over one memory. The contracts stand beside the kernels in assembly/. */

import { KERNELS_BASE64 } from "./generated/kernels-wasm.ts";

/** Byte address in the kernels' memory; rows want 16-byte alignment for speed, not for correctness. */
export type Pointer = number;
/** Distance in bytes from one row, head or leaf to the next. */
export type Stride = number;

/** Bytes at the start of the memory that belong to the kernels themselves. */
export const RESERVED_BYTES = 65_536;
/** Rows of elements are padded to a multiple of this many, and kernels write into the padding. */
const ROW_PADDING = 16;
/** Bytes after the end of a buffer that a kernel may write, with values that mean nothing. */
export const BUFFER_SLACK = 64;
/** Positions in a page of a cache. */
export const PAGE_POSITIONS = 64;
/** Bytes of a page of WebAssembly memory. */
export const MEMORY_PAGE_BYTES = 65_536;

/** Elements from one row of `width` to the next. */
export const paddedWidth = (width: number): number => Math.ceil(width / ROW_PADDING) * ROW_PADDING;

export interface Kernels {
  matmul(
    dst: Pointer,
    dstStride: Stride,
    x: Pointer,
    xStride: Stride,
    rows: number,
    weights: Pointer,
    weightStride: Stride,
    n: number,
    k: number,
    bias: Pointer,
  ): void;
  requant16(
    dst: Pointer,
    dstStride: Stride,
    acc: Pointer,
    accStride: Stride,
    rows: number,
    n: number,
    multipliers: Pointer,
    s: number,
    t: number,
    bound: number,
  ): void;
  requant24(
    dst: Pointer,
    dstStride: Stride,
    acc: Pointer,
    accStride: Stride,
    rows: number,
    n: number,
    multipliers: Pointer,
    s: number,
    exponents: Pointer,
  ): void;
  embed(
    dst: Pointer,
    dstStride: Stride,
    tokens: Pointer,
    rows: number,
    n: number,
    weights: Pointer,
    weightStride: Stride,
    multipliers: Pointer,
    s: number,
  ): void;
  add(
    dst: Pointer,
    dstStride: Stride,
    a: Pointer,
    aStride: Stride,
    b: Pointer,
    bStride: Stride,
    rows: number,
    n: number,
  ): void;
  mul: Kernels["add"];
  mul16: Kernels["add"];
  widen(
    dst: Pointer,
    dstStride: Stride,
    x: Pointer,
    xStride: Stride,
    rows: number,
    n: number,
  ): void;
  narrow: Kernels["widen"];
  table(
    dst: Pointer,
    dstStride: Stride,
    x: Pointer,
    xStride: Stride,
    rows: number,
    n: number,
    values: Pointer,
  ): void;
  rowscale(
    dst: Pointer,
    dstStride: Stride,
    exponents: Pointer,
    x: Pointer,
    xStride: Stride,
    rows: number,
    n: number,
    bits: number,
  ): void;
  rmsnorm(
    dst: Pointer,
    dstStride: Stride,
    x: Pointer,
    xStride: Stride,
    exponents: Pointer,
    rows: number,
    n: number,
    multipliers: Pointer,
    epsilon: number,
    s: number,
    t: number,
    bound: number,
    rsqrt: Pointer,
  ): void;
  rope(
    dst: Pointer,
    dstStride: Stride,
    x: Pointer,
    xStride: Stride,
    positions: Pointer,
    rows: number,
    heads: number,
    headDim: number,
    table: Pointer,
    s: number,
    bound: number,
  ): void;
  append(
    x: Pointer,
    xStride: Stride,
    positions: Pointer,
    pageTables: Pointer,
    rows: number,
    rowBytes: number,
    cacheOffset: number,
    cacheStride: Stride,
  ): void;
  qk(
    dst: Pointer,
    dstStride: Stride,
    headStride: Stride,
    q: Pointer,
    qStride: Stride,
    qBytes: 2 | 4,
    positions: Pointer,
    pageTables: Pointer,
    rows: number,
    heads: number,
    cacheHeads: number,
    headDim: number,
    cacheOffset: number,
    cacheStride: Stride,
  ): void;
  softmax(
    dst: Pointer,
    dstStride: Stride,
    dstHeadStride: Stride,
    masses: Pointer,
    massStride: Stride,
    scores: Pointer,
    scoreStride: Stride,
    scoreHeadStride: Stride,
    positions: Pointer,
    rows: number,
    heads: number,
    multipliers: Pointer,
    s: number,
    exp: Pointer,
    recip: Pointer,
    scratch: Pointer,
  ): void;
  pv(
    dst: Pointer,
    dstStride: Stride,
    p: Pointer,
    pStride: Stride,
    headStride: Stride,
    positions: Pointer,
    pageTables: Pointer,
    rows: number,
    heads: number,
    cacheHeads: number,
    headDim: number,
    cacheOffset: number,
    cacheStride: Stride,
  ): void;
  pnorm(
    dst: Pointer,
    dstStride: Stride,
    o: Pointer,
    oStride: Stride,
    masses: Pointer,
    massStride: Stride,
    rows: number,
    heads: number,
    headDim: number,
    s: number,
    t: number,
    bound: number,
    recip: Pointer,
  ): void;
  argmax(x: Pointer, n: number): number;
  sample(
    logits: Pointer,
    n: number,
    invTemperature: number,
    topP: number,
    seed: Pointer,
    position: number,
    exp: Pointer,
    scratch: Pointer,
  ): number;
  keccak256(dst: Pointer, input: Pointer, length: number): void;
  merkle(leaves: Pointer, count: number, size: number, padding: Pointer): void;
  sha256x4(
    dst: Pointer,
    dstStride: Stride,
    p0: Pointer,
    p1: Pointer,
    p2: Pointer,
    p3: Pointer,
    length: number,
  ): void;
  traceLeaves(
    dst: Pointer,
    dstStride: Stride,
    state: Pointer,
    stateBytes: number,
    kv: Pointer,
    kvBytes: number,
    count: number,
    scratch: Pointer,
  ): void;
  tracePositions(
    dst: Pointer,
    leaves: Pointer,
    blocks: number,
    count: number,
    scratch: Pointer,
  ): void;
}

/** The part of `WebAssembly.Memory` that is used here; growing detaches `buffer`. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What this package needs of the global `WebAssembly`, which neither es2024 nor Node's types declare. */
interface WebAssemblyApi {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => KernelMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { env: { memory: KernelMemory } },
  ) => { readonly exports: unknown };
}

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };

let compiled: object | undefined;

/** The module's bytes. */
export function kernelsWasm(): Uint8Array {
  return Uint8Array.from(atob(KERNELS_BASE64), (character) => character.charCodeAt(0));
}

/**
 * The kernels over a new memory of `initialPages` (at least one) that can grow to `maximumPages`, of 64 KiB each.
 * Compiles synchronously, once a thread: about 2 ms for 20 kB.
 */
export function instantiateKernels(
  initialPages: number,
  maximumPages: number,
): { readonly kernels: Kernels; readonly memory: KernelMemory } {
  compiled ??= new WebAssembly.Module(kernelsWasm());
  const memory = new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages });
  const instance = new WebAssembly.Instance(compiled, { env: { memory } });
  return { kernels: instance.exports as Kernels, memory };
}
