/**
 * Safetensors files: a length, a JSON header, tensors' bytes.
 *
 * The file comes from strangers. The reader takes nothing on trust: the header is bounded before it is read, every tensor's
 * length is its shape's, and the tensors' ranges cover the rest of the file exactly, without gap or overlap.
 *
 * ```text
 * offset  size  field
 *      0     8  h, u64 little-endian
 *      8     h  JSON object: name → { dtype, shape, data_offsets: [begin, end) in the data }, and "__metadata__"
 *  8 + h        data
 * ```
 */

import { SafetensorsError } from "./safetensors-error.ts";

/** Bounds what a header can make a reader parse; the format's own bound is 100 MB. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;
/** Bounds a shape; no weight of any model has more. */
const MAX_RANK = 8;

const BYTES_OF = { F32: 4, F16: 2, BF16: 2 } as const;
type FloatType = keyof typeof BYTES_OF;

/** One tensor of a file; `bytes` is a view of the file, not a copy. */
export interface SafetensorsTensor {
  readonly name: string;
  readonly type: FloatType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

interface Entry {
  readonly name: string;
  readonly type: FloatType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const isFloatType = (type: unknown): type is FloatType =>
  typeof type === "string" && Object.hasOwn(BYTES_OF, type);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function readHeader(file: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (file.length < 8)
    throw new SafetensorsError({ code: "SAFETENSORS_SHORT", bytes: file.length });
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, file.length - 8);
  if (length > BigInt(limit)) {
    throw new SafetensorsError({ code: "SAFETENSORS_HEADER_LENGTH", length, limit });
  }
  const end = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, end)));
  } catch (cause) {
    throw new SafetensorsError({ code: "SAFETENSORS_HEADER_JSON" }, { cause });
  }
  if (!isObject(header)) throw new SafetensorsError({ code: "SAFETENSORS_HEADER_JSON" });
  return { header, data: file.subarray(end) };
}

function readEntry(name: string, value: unknown): Entry {
  const fields = isObject(value) ? value : {};
  const { dtype, shape, data_offsets: offsets } = fields;
  if (!isSizes(shape) || shape.length > MAX_RANK) {
    throw new SafetensorsError({ code: "SAFETENSORS_SHAPE", name });
  }
  if (!isFloatType(dtype)) {
    throw new SafetensorsError({ code: "SAFETENSORS_TYPE", name, type: String(dtype) });
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw new SafetensorsError({ code: "SAFETENSORS_OFFSETS", name });
  }
  const [begin = 0, end = 0] = offsets;
  const expected = shape.reduce((count, size) => count * size, BYTES_OF[dtype]);
  if (end - begin !== expected) {
    throw new SafetensorsError({
      code: "SAFETENSORS_LENGTH",
      name,
      expected,
      actual: end - begin,
    });
  }
  return { name, type: dtype, shape, begin, end };
}

/**
 * The tensors of a file by name, in the order of their data.
 *
 * @throws {SafetensorsError}
 */
export function readSafetensors(file: Uint8Array): ReadonlyMap<string, SafetensorsTensor> {
  const { header, data } = readHeader(file);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => readEntry(name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      throw new SafetensorsError({ code: "SAFETENSORS_COVER", name, begin, expected: covered });
    }
    covered = end;
  }
  if (covered !== data.length) {
    throw new SafetensorsError({
      code: "SAFETENSORS_DATA_LENGTH",
      expected: covered,
      actual: data.length,
    });
  }
  return new Map(
    entries.map(({ name, type, shape, begin, end }) => [
      name,
      { name, type, shape, bytes: data.subarray(begin, end) },
    ]),
  );
}

/** The number that the 16 bits stand for as IEEE 754 half precision. */
function halfToNumber(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return (sign * fraction) / 16_777_216;
  // (1024 + fraction) · 2^(exponent − 25)
  const magnitude = 1024 + fraction;
  return exponent >= 25
    ? sign * magnitude * (1 << (exponent - 25))
    : (sign * magnitude) / (1 << (25 - exponent));
}

const WORD = new DataView(new ArrayBuffer(4));

/** The number that the 16 bits stand for as bfloat16. */
function bfloatToNumber(bits: number): number {
  WORD.setUint32(0, bits * 65_536);
  return WORD.getFloat32(0);
}

/**
 * The values of a tensor, exact.
 *
 * @throws {SafetensorsError} if one of them is infinite or not a number
 */
export function toFloat32(tensor: SafetensorsTensor): Float32Array {
  const { name, type, bytes } = tensor;
  const size = BYTES_OF[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(bytes.length / size);
  for (let i = 0; i < values.length; i++) {
    const at = i * size;
    let value: number;
    if (type === "F32") value = view.getFloat32(at, true);
    else if (type === "F16") value = halfToNumber(view.getUint16(at, true));
    else value = bfloatToNumber(view.getUint16(at, true));
    if (!Number.isFinite(value)) {
      throw new SafetensorsError({ code: "SAFETENSORS_NOT_FINITE", name, index: i });
    }
    values[i] = value;
  }
  return values;
}
