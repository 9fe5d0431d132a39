/**
 * The program file (spec/02 §2.2–2.5): one encoding per program.
 *
 * Bytes come from strangers. `decodeProgram` bounds every count and the total length before it
 * allocates, and refuses whatever `encodeProgram` would not have written. What the program means,
 * and whether it may run, is `checkProgram`'s to say.
 */

import { equalBytes } from "@assay/wire";
import { inMachineOrder } from "./byte-order.ts";
import {
  ASSET_KINDS,
  type Asset,
  type AssetKind,
  type Block,
  type Program,
  rowStride,
  type Tensor,
} from "./program.ts";
import { ProgramError } from "./program-error.ts";
import { decodeRecord, encodeRecord, RECORD_BYTES } from "./record.ts";

/** spec/02 §2.5. */
export const PROGRAM_LIMITS = {
  operators: 4096,
  blocks: 1024,
  tensors: 4096,
  assets: 8,
  endTokens: 16,
  assetBytes: 16_777_216,
} as const;

/** The version of spec/01 and spec/02 that this code implements. */
export const SPEC_VERSION = 1;

const MAGIC = new TextEncoder().encode("ASSAYPRG");
const HEAD_BYTES = 24;
const TENSOR_BYTES = 16;
const ASSET_BYTES = 8;
const ALIGNMENT = 64;

const TENSOR_TYPES = { int8: 1, uint16: 2, int32: 3, int16: 4 } as const;

const padded = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Little-endian fields, checked to fit, one after the other. */
class FieldWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = viewOf(this.bytes);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#take(1, value), value);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#take(2, value), value, true);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#take(4, value), value, true);
  }

  #take(size: number, value: number): number {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** size) {
      throw new RangeError(`${value} does not fit a field of ${size} bytes`);
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }
}

/** The program's head (spec/02 §2.5), without the eight bytes before it. */
export function encodeHead(program: Program): Uint8Array {
  const { operators, blocks, tensors, assets, endTokens } = program;
  const head = new FieldWriter(HEAD_BYTES + 4 * (blocks.length + endTokens.length));
  head.u32(SPEC_VERSION);
  head.u32(program.context);
  head.u32(program.vocab);
  for (const list of [operators, blocks, tensors, assets, endTokens]) head.u16(list.length);
  head.u16(0);
  for (const block of blocks) {
    head.u16(block.end);
    head.u16(block.state);
  }
  for (const token of endTokens) head.u32(token);
  return head.bytes;
}

/** A tensor's 16-byte descriptor (spec/02 §2.3). */
export function encodeTensorDescriptor(tensor: Tensor): Uint8Array {
  const descriptor = new FieldWriter(TENSOR_BYTES);
  descriptor.u8(TENSOR_TYPES[tensor.type]);
  descriptor.u8(tensor.dims.length);
  descriptor.u16(0);
  for (let i = 0; i < 3; i++) descriptor.u32(tensor.dims[i] ?? 1);
  return descriptor.bytes;
}

/** A tensor's data, little-endian, without the padding to 64. For int8 a view of the tensor, otherwise a copy. */
export function encodeTensorData({ type, data }: Tensor): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return type === "int8" ? bytes : inMachineOrder(bytes, data.BYTES_PER_ELEMENT);
}

/** An asset's 8-byte descriptor (spec/02 §2.4). */
export function encodeAssetDescriptor(asset: Asset): Uint8Array {
  const descriptor = new FieldWriter(ASSET_BYTES);
  descriptor.u8(ASSET_KINDS[asset.kind]);
  descriptor.u8(0);
  descriptor.u16(0);
  descriptor.u32(asset.data.length);
  return descriptor.bytes;
}

/**
 * The program file of `program`; `decodeProgram` is its exact inverse.
 *
 * @throws {RangeError} if the caller built a program no decoder would accept: that is our bug.
 */
export function encodeProgram(program: Program): Uint8Array {
  for (const list of ["operators", "blocks", "tensors", "assets", "endTokens"] as const) {
    const count = program[list].length;
    if (count > PROGRAM_LIMITS[list]) throw new RangeError(`${count} ${list} are too many`);
  }
  const parts = [MAGIC, encodeHead(program), ...program.operators.map(encodeRecord)];
  parts.push(...program.tensors.map(encodeTensorDescriptor));
  parts.push(...program.assets.map(encodeAssetDescriptor));
  const data = program.tensors.map((tensor) => {
    if (tensor.data.length !== dataLength(tensor)) {
      throw new RangeError("a tensor's data does not have its dimensions");
    }
    return encodeTensorData(tensor);
  });
  for (const asset of program.assets) {
    if (asset.data.length > PROGRAM_LIMITS.assetBytes) throw new RangeError("an asset is too long");
    data.push(asset.data);
  }
  const fixed = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(data.reduce((sum, part) => sum + padded(part.length), fixed));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  for (const part of data) {
    bytes.set(part, at);
    at += padded(part.length);
  }
  return bytes;
}

/** Elements of the data of `tensor`, padding of its rows included. */
function dataLength(tensor: Tensor): number {
  const [first, second = 1, third = 1] = tensor.dims;
  return first * (tensor.type === "int8" ? rowStride(second) : second * third);
}

type Counted = "operators" | "blocks" | "tensors" | "assets" | "endTokens";

/** The counts of the head, in their order, each with the smallest a program can have. */
const COUNTED: readonly (readonly [Counted, number])[] = [
  ["operators", 1],
  ["blocks", 1],
  ["tensors", 1],
  ["assets", 0],
  ["endTokens", 0],
];

/** Reads a program file from front to back. Bounds come first: `require` before any allocation. */
class FileReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Refuses a file without `length` more bytes. */
  require(length: number): void {
    const expected = this.#at + length;
    const actual = this.#bytes.length;
    if (actual < expected) throw new ProgramError({ code: "PROGRAM_LENGTH", expected, actual });
  }

  /** Refuses a file that does not end after `length` more bytes. */
  requireEnd(length: number): void {
    const expected = this.#at + length;
    const actual = this.#bytes.length;
    if (actual !== expected) throw new ProgramError({ code: "PROGRAM_LENGTH", expected, actual });
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  zeros(length: number): void {
    for (let i = 0; i < length; i++) {
      const offset = this.#at;
      if (this.u8() !== 0) throw new ProgramError({ code: "PROGRAM_NOT_ZERO", offset });
    }
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  /** The next `length` bytes and the zeros that pad them to 64. */
  takePadded(length: number): Uint8Array {
    const data = this.take(length);
    this.zeros(padded(length) - length);
    return data;
  }
}

interface TensorHeader {
  readonly type: keyof typeof TENSOR_TYPES;
  readonly dims: readonly [number, number, number];
  readonly byteLength: number;
}

const RANKS = { int8: 2, uint16: 1, int32: 1, int16: 3 } as const;

function decodeTensorDescriptor(file: FileReader, tensor: number): TensorHeader {
  const code = file.u8();
  const rank = file.u8();
  file.zeros(2);
  const dims = [file.u32(), file.u32(), file.u32()] as const;
  const [first, second, third] = dims;
  const type = (["int8", "uint16", "int32", "int16"] as const).find(
    (name) => TENSOR_TYPES[name] === code,
  );
  if (type === undefined) {
    throw new ProgramError({ code: "PROGRAM_TENSOR_TYPE", tensor, actual: code });
  }
  const isEmpty = dims.includes(0);
  if (rank !== RANKS[type] || isEmpty || dims.slice(rank).some((dim) => dim !== 1)) {
    throw new ProgramError({ code: "PROGRAM_TENSOR_DIMENSIONS", tensor });
  }
  // Beyond 2^53 these products are rounded, and then far beyond the length of any file.
  const bytesOf = {
    int8: first * rowStride(second),
    uint16: 2 * first,
    int32: 4 * first,
    int16: 2 * first * second * third,
  };
  return { type, dims, byteLength: bytesOf[type] };
}

function decodeTensor({ type, dims }: TensorHeader, data: Uint8Array): Tensor {
  const [first, second, third] = dims;
  switch (type) {
    case "int8":
      return {
        type,
        dims: [first, second],
        data: new Int8Array(data.buffer, data.byteOffset, data.byteLength),
      };
    case "uint16":
      return { type, dims: [first], data: new Uint16Array(inMachineOrder(data, 2).buffer) };
    case "int32":
      return { type, dims: [first], data: new Int32Array(inMachineOrder(data, 4).buffer) };
    case "int16":
      return {
        type,
        dims: [first, second, third],
        data: new Int16Array(inMachineOrder(data, 2).buffer),
      };
  }
}

interface AssetHeader {
  readonly kind: AssetKind;
  readonly byteLength: number;
}

function decodeAssetDescriptor(file: FileReader, asset: number): AssetHeader {
  const code = file.u8();
  file.zeros(3);
  const byteLength = file.u32();
  const kind = (["tokenizer", "chatTemplate"] as const).find((name) => ASSET_KINDS[name] === code);
  if (kind === undefined) {
    throw new ProgramError({ code: "PROGRAM_ASSET_KIND", asset, actual: code });
  }
  if (byteLength > PROGRAM_LIMITS.assetBytes) {
    throw new ProgramError({ code: "PROGRAM_ASSET_LENGTH", asset, actual: byteLength });
  }
  return { kind, byteLength };
}

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

function decodeCounts(file: FileReader): Record<Counted, number> {
  const counts = { operators: 0, blocks: 0, tensors: 0, assets: 0, endTokens: 0 };
  for (const [what, least] of COUNTED) {
    const actual = file.u16();
    const limit = PROGRAM_LIMITS[what];
    if (actual < least || actual > limit) {
      throw new ProgramError({ code: "PROGRAM_COUNT", what, limit, actual });
    }
    counts[what] = actual;
  }
  return counts;
}

/**
 * Reads a program file. Matrices and assets are views of `bytes`, which the caller must leave alone
 * from then on: a large program is not held twice.
 *
 * @throws {ProgramError} if any rule of spec/02 §2.2–2.5 is broken.
 */
export function decodeProgram(bytes: Uint8Array): Program {
  const file = new FileReader(bytes);
  file.require(MAGIC.length + HEAD_BYTES);
  if (!equalBytes(file.take(MAGIC.length), MAGIC)) {
    throw new ProgramError({ code: "PROGRAM_MAGIC" });
  }
  const version = file.u32();
  if (version !== SPEC_VERSION) {
    throw new ProgramError({ code: "PROGRAM_VERSION", actual: version });
  }
  const context = file.u32();
  const vocab = file.u32();
  const counts = decodeCounts(file);
  file.zeros(2);
  file.require(
    4 * (counts.blocks + counts.endTokens) +
      RECORD_BYTES * counts.operators +
      TENSOR_BYTES * counts.tensors +
      ASSET_BYTES * counts.assets,
  );
  const blocks = times(counts.blocks, (): Block => ({ end: file.u16(), state: file.u16() }));
  const endTokens = times(counts.endTokens, () => file.u32());
  const operators = times(counts.operators, (i) =>
    decodeRecord(viewOf(file.take(RECORD_BYTES)), i),
  );
  const tensorHeaders = times(counts.tensors, (i) => decodeTensorDescriptor(file, i));
  const assetHeaders = times(counts.assets, (i) => decodeAssetDescriptor(file, i));
  file.requireEnd(
    [...tensorHeaders, ...assetHeaders].reduce(
      (sum, { byteLength }) => sum + padded(byteLength),
      0,
    ),
  );
  const tensors = tensorHeaders.map((header) =>
    decodeTensor(header, file.takePadded(header.byteLength)),
  );
  const assets = assetHeaders.map(({ kind, byteLength }): Asset => {
    return { kind, data: file.takePadded(byteLength) };
  });
  return { context, vocab, operators, blocks, tensors, assets, endTokens };
}
