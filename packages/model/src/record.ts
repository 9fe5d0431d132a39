/** Operator records: 64 bytes each (spec/02 §2.2, whose table the two switches below follow). */

import { OPCODES, type Operator, TABLE_IDS } from "./program.ts";
import { ProgramError } from "./program-error.ts";

export const RECORD_BYTES = 64;

const UNUSED = 0xffff;
const INPUTS = { at: 4, count: 3 };
const CACHE_AT = 10;
const TENSORS = { at: 12, count: 3 };
const RESERVED = [2, 18];
const ATTRIBUTES = { at: 20, count: 11 };

interface Fields {
  readonly inputs?: readonly (number | null)[];
  readonly cache?: number;
  readonly tensors?: readonly (number | null)[];
  readonly attributes?: readonly number[];
}

/** The record of `operator`. @throws {RangeError} for a number that its field cannot hold: that is our bug. */
export function encodeRecord(operator: Operator): Uint8Array {
  const { inputs = [], cache = null, tensors = [], attributes = [] } = fieldsOf(operator);
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  const reference = (offset: number, value: number | null): void => {
    if (value !== null && !(Number.isInteger(value) && value >= 0 && value < UNUSED)) {
      throw new RangeError(`${value} is not a variable, cache or tensor number`);
    }
    view.setUint16(offset, value ?? UNUSED, true);
  };
  view.setUint16(0, OPCODES[operator.op], true);
  for (let i = 0; i < INPUTS.count; i++) reference(INPUTS.at + 2 * i, inputs[i] ?? null);
  reference(CACHE_AT, cache);
  for (let i = 0; i < TENSORS.count; i++) reference(TENSORS.at + 2 * i, tensors[i] ?? null);
  attributes.forEach((value, i) => {
    if ((value | 0) !== value) throw new RangeError(`attribute ${value} is not an int32`);
    view.setInt32(ATTRIBUTES.at + 4 * i, value, true);
  });
  return bytes;
}

function fieldsOf(o: Operator): Fields {
  switch (o.op) {
    case "embed":
      return { tensors: [o.weight, o.multiplier], attributes: [o.s] };
    case "add":
    case "mul":
      return { inputs: [o.a, o.b] };
    case "rowscale":
      return { inputs: [o.x], attributes: [o.bits] };
    case "rmsnorm":
      return {
        inputs: [o.x, o.exponent],
        tensors: [o.multiplier],
        attributes: [o.epsilon, o.s, o.t, o.bound],
      };
    case "matmul":
      return { inputs: [o.x], tensors: [o.weight, o.bias] };
    case "requant16":
      return { inputs: [o.x], tensors: [o.multiplier], attributes: [o.s, o.t, o.bound] };
    case "requant24":
      return { inputs: [o.x, o.exponent], tensors: [o.multiplier], attributes: [o.s] };
    case "table":
      return { inputs: [o.x], attributes: [o.table] };
    case "rope":
      return { inputs: [o.x], tensors: [o.table], attributes: [o.headDim, o.s, o.bound] };
    case "append":
      return { inputs: [o.x] };
    case "qk":
      return { inputs: [o.q], cache: o.cache, attributes: [o.headDim, o.heads] };
    case "softmax":
      return { inputs: [o.x], tensors: [o.multiplier], attributes: [o.s] };
    case "pv":
      return { inputs: [o.p], cache: o.cache, attributes: [o.headDim, o.heads] };
    case "pnorm":
      return { inputs: [o.x, o.mass], attributes: [o.headDim, o.s, o.t, o.bound] };
  }
}

/** Hands out the fields of one record and remembers which, so that `finish` can refuse the others. */
class RecordReader {
  readonly #view: DataView;
  readonly #operator: number;
  readonly #read = new Set<number>();

  constructor(view: DataView, operator: number) {
    this.#view = view;
    this.#operator = operator;
  }

  get opcode(): number {
    return this.#view.getUint16(0, true);
  }

  #optional(offset: number): number | null {
    this.#read.add(offset);
    const value = this.#view.getUint16(offset, true);
    return value === UNUSED ? null : value;
  }

  #required(offset: number): number {
    const value = this.#optional(offset);
    if (value !== null) return value;
    throw new ProgramError({ code: "PROGRAM_OPERAND", operator: this.#operator, offset });
  }

  input(i: number): number {
    return this.#required(INPUTS.at + 2 * i);
  }

  optionalInput(i: number): number | null {
    return this.#optional(INPUTS.at + 2 * i);
  }

  cache(): number {
    return this.#required(CACHE_AT);
  }

  tensor(i: number): number {
    return this.#required(TENSORS.at + 2 * i);
  }

  optionalTensor(i: number): number | null {
    return this.#optional(TENSORS.at + 2 * i);
  }

  attribute(i: number): number {
    const offset = ATTRIBUTES.at + 4 * i;
    this.#read.add(offset);
    return this.#view.getInt32(offset, true);
  }

  table(i: number): (typeof TABLE_IDS)[keyof typeof TABLE_IDS] {
    const actual = this.attribute(i);
    if (actual === TABLE_IDS.silu) return actual;
    throw new ProgramError({ code: "PROGRAM_TABLE", operator: this.#operator, actual });
  }

  finish(): void {
    for (const offset of RESERVED) this.#expect(offset, this.#view.getUint16(offset, true) === 0);
    for (let offset = INPUTS.at; offset < TENSORS.at + 2 * TENSORS.count; offset += 2) {
      this.#expect(offset, this.#view.getUint16(offset, true) === UNUSED);
    }
    for (let i = 0; i < ATTRIBUTES.count; i++) {
      const offset = ATTRIBUTES.at + 4 * i;
      this.#expect(offset, this.#view.getInt32(offset, true) === 0);
    }
  }

  #expect(offset: number, isUnused: boolean): void {
    if (isUnused || this.#read.has(offset)) return;
    throw new ProgramError({ code: "PROGRAM_UNUSED", operator: this.#operator, offset });
  }
}

/**
 * Reads the record at the start of `view`.
 *
 * @param operator the operator's number, for errors
 * @throws {ProgramError}
 */
export function decodeRecord(view: DataView, operator: number): Operator {
  const reader = new RecordReader(view, operator);
  const decoded = decodeRowOperator(reader) ?? decodeAttentionOperator(reader);
  if (decoded === null) {
    throw new ProgramError({ code: "PROGRAM_OPCODE", operator, actual: reader.opcode });
  }
  reader.finish();
  return decoded;
}

function decodeRowOperator(r: RecordReader): Operator | null {
  switch (r.opcode) {
    case OPCODES.embed:
      return { op: "embed", weight: r.tensor(0), multiplier: r.tensor(1), s: r.attribute(0) };
    case OPCODES.add:
      return { op: "add", a: r.input(0), b: r.input(1) };
    case OPCODES.rowscale:
      return { op: "rowscale", x: r.input(0), bits: r.attribute(0) };
    case OPCODES.rmsnorm:
      return {
        op: "rmsnorm",
        x: r.input(0),
        exponent: r.input(1),
        multiplier: r.tensor(0),
        epsilon: r.attribute(0),
        s: r.attribute(1),
        t: r.attribute(2),
        bound: r.attribute(3),
      };
    case OPCODES.matmul:
      return { op: "matmul", x: r.input(0), weight: r.tensor(0), bias: r.optionalTensor(1) };
    case OPCODES.requant16:
      return {
        op: "requant16",
        x: r.input(0),
        multiplier: r.tensor(0),
        s: r.attribute(0),
        t: r.attribute(1),
        bound: r.attribute(2),
      };
    case OPCODES.requant24:
      return {
        op: "requant24",
        x: r.input(0),
        exponent: r.optionalInput(1),
        multiplier: r.tensor(0),
        s: r.attribute(0),
      };
    case OPCODES.table:
      return { op: "table", x: r.input(0), table: r.table(0) };
    case OPCODES.mul:
      return { op: "mul", a: r.input(0), b: r.input(1) };
    default:
      return null;
  }
}

function decodeAttentionOperator(r: RecordReader): Operator | null {
  const heads = (): { headDim: number; heads: number } => ({
    headDim: r.attribute(0),
    heads: r.attribute(1),
  });
  switch (r.opcode) {
    case OPCODES.rope:
      return {
        op: "rope",
        x: r.input(0),
        table: r.tensor(0),
        headDim: r.attribute(0),
        s: r.attribute(1),
        bound: r.attribute(2),
      };
    case OPCODES.append:
      return { op: "append", x: r.input(0) };
    case OPCODES.qk:
      return { op: "qk", q: r.input(0), cache: r.cache(), ...heads() };
    case OPCODES.softmax:
      return { op: "softmax", x: r.input(0), multiplier: r.tensor(0), s: r.attribute(0) };
    case OPCODES.pv:
      return { op: "pv", p: r.input(0), cache: r.cache(), ...heads() };
    case OPCODES.pnorm:
      return {
        op: "pnorm",
        x: r.input(0),
        mass: r.input(1),
        headDim: r.attribute(0),
        s: r.attribute(1),
        t: r.attribute(2),
        bound: r.attribute(3),
      };
    default:
      return null;
  }
}
