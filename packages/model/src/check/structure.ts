/** The part of `checkProgram` that does not look at tensors' values: who reads what, of which shape (spec/01 §1.4). */

import type { Block, Operator, Program, Tensor } from "../program.ts";
import { Refusal } from "./refusal.ts";

export type Kind = "row" | "exponent" | "ragged" | "mass";

interface Variable {
  readonly kind: Kind;
  /** Elements of a row; heads of a ragged value or a mass; 1 for an exponent. */
  readonly width: number;
  /** The operator that defines it. */
  readonly operator: number;
  /** The block of that operator; the head has the number after the last block. */
  readonly block: number;
}

interface CacheShape {
  readonly width: number;
  readonly block: number;
  /** The variable that its append writes. */
  readonly source: number;
}

export interface Structure {
  readonly variables: readonly Variable[];
  readonly caches: readonly CacheShape[];
}

const LARGEST_CONTEXT = 16384;
const LARGEST_VOCAB = 2 ** 18;
const LARGEST_NORM = 8192;
const LARGEST_INT16 = 32767;

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

/** What is known of the variables and caches while going through the operators in order. */
class Builder implements Structure {
  readonly variables: Variable[] = [];
  readonly caches: CacheShape[] = [];
  readonly #program: Program;
  operator = 0;
  block = 0;

  constructor(program: Program) {
    this.#program = program;
  }

  refuse(code: Refusal["code"], message: string): never {
    const op = this.#program.operators[this.operator]?.op ?? "";
    const where = `operator ${this.operator} (${op})`;
    throw new Refusal(code, { operator: this.operator }, `${where}: ${message}`);
  }

  /** Variable `id`, if this operator may read it and it is of `kind`. */
  read(id: number, kind: Kind): Variable {
    const variable = this.variables[id];
    if (variable === undefined) {
      return this.refuse("CHECK_VARIABLE", `variable ${id} is not defined before it`);
    }
    const previous = this.#program.blocks[this.block - 1];
    if (variable.block !== this.block && id !== previous?.state) {
      return this.refuse("CHECK_BLOCK_READ", `variable ${id} is out of reach from this block`);
    }
    if (variable.kind !== kind) {
      return this.refuse("CHECK_KIND", `variable ${id} is of kind ${variable.kind}, not ${kind}`);
    }
    return variable;
  }

  row(id: number): number {
    return this.read(id, "row").width;
  }

  /** The operator that defines `variable`, which has to be an `op`. */
  source<Op extends Operator["op"]>(
    variable: Variable,
    op: Op,
  ): Extract<Operator, { readonly op: Op }> {
    const definer = this.#program.operators[variable.operator];
    if (definer === undefined || !isOperator(definer, op)) {
      return this.refuse("CHECK_SOURCE", `it reads what a ${definer?.op} gives instead of a ${op}`);
    }
    return definer;
  }

  sameSource(a: Variable, b: Variable): void {
    if (a.operator !== b.operator) {
      this.refuse("CHECK_SOURCE", `operators ${a.operator} and ${b.operator} had to be the same`);
    }
  }

  width(actual: number, expected: number): void {
    if (actual !== expected) {
      this.refuse("CHECK_WIDTH", `a width of ${actual} meets one of ${expected}`);
    }
  }

  multiple(value: number, divisor: number): void {
    if (value % divisor !== 0) {
      this.refuse("CHECK_WIDTH", `${value} is not a multiple of ${divisor}`);
    }
  }

  cache(id: number): CacheShape {
    const cache = this.caches[id];
    if (cache?.block === this.block) return cache;
    return this.refuse("CHECK_CACHE", `cache ${id} is not written before it in this block`);
  }

  attribute(name: string, value: number, least: number, most: number): void {
    if (!isWithin(value, least, most)) {
      this.refuse("CHECK_ATTRIBUTE", `${name} is ${value}, not within ${least} … ${most}`);
    }
  }

  tensor(id: number, type: Tensor["type"], ...dims: readonly (number | null)[]): Tensor {
    const tensor = this.#program.tensors[id];
    if (tensor === undefined) return this.refuse("CHECK_TENSOR", `there is no tensor ${id}`);
    if (tensor.type !== type) {
      return this.refuse("CHECK_TENSOR_TYPE", `tensor ${id} is ${tensor.type}, not ${type}`);
    }
    if (dims.some((dim, i) => dim !== null && dim !== tensor.dims[i])) {
      const wanted = dims.map((dim) => dim ?? "any").join(" × ");
      const message = `tensor ${id} is ${tensor.dims.join(" × ")}, not ${wanted}`;
      return this.refuse("CHECK_TENSOR_SHAPE", message);
    }
    return tensor;
  }

  define(kind: Kind, width: number): void {
    this.variables.push({ kind, width, operator: this.operator, block: this.block });
  }
}

function isOperator<Op extends Operator["op"]>(
  operator: Operator,
  op: Op,
): operator is Extract<Operator, { readonly op: Op }> {
  return operator.op === op;
}

/** Kinds and widths of all variables. @throws {Refusal} */
export function checkStructure(program: Program): Structure {
  checkHead(program);
  checkBlockEnds(program.blocks, program.operators.length);
  const builder = new Builder(program);
  program.operators.forEach((operator, index) => {
    builder.operator = index;
    if ((operator.op === "embed") !== (index === 0)) {
      builder.refuse("CHECK_EMBED", "embed has to be the first operator and the only one");
    }
    if (operator.op === "append" && builder.block === program.blocks.length) {
      builder.refuse(
        "CHECK_HEAD_APPEND",
        "the head, which the trace does not cover, keeps nothing",
      );
    }
    checkRowOperator(builder, operator, program);
    const block = program.blocks[builder.block];
    if (block?.end === index + 1) {
      checkState(builder, block);
      builder.block++;
    }
  });
  checkLogits(builder, program);
  return builder;
}

function checkHead({ context, vocab, endTokens }: Program): void {
  const refuse = (message: string): never => {
    throw new Refusal("CHECK_HEAD", { operator: null }, message);
  };
  if (!isWithin(context, 1, LARGEST_CONTEXT)) refuse(`context is ${context}, not 1 … 16384`);
  if (!isWithin(vocab, 1, LARGEST_VOCAB)) refuse(`vocab is ${vocab}, not 1 … 2^18`);
  for (const token of endTokens) {
    if (!isWithin(token, 0, vocab - 1)) refuse(`end token ${token} is not in the vocabulary`);
  }
}

function checkBlockEnds(blocks: readonly Block[], operators: number): void {
  let from = 0;
  for (const [i, { end }] of blocks.entries()) {
    if (end <= from || end >= operators) {
      const message = `block ${i} runs from operator ${from} to ${end} of ${operators}`;
      throw new Refusal("CHECK_BLOCKS", { operator: null }, message);
    }
    from = end;
  }
  if (blocks.length === 0) {
    throw new Refusal("CHECK_BLOCKS", { operator: null }, "the program has no block");
  }
}

function checkState(builder: Builder, { state }: Block): void {
  const variable = builder.variables[state];
  if (variable?.kind === "row" && variable.block === builder.block) return;
  const message = `the state of block ${builder.block}, variable ${state}, is not a row of that block`;
  throw new Refusal("CHECK_BLOCKS", { operator: null }, message);
}

function checkLogits(builder: Builder, program: Program): void {
  const last = program.operators.at(-1);
  const width = builder.variables.at(-1)?.width;
  if (last?.op === "requant24" && width === program.vocab) return;
  builder.refuse("CHECK_LOGITS", `the program ends with ${last?.op}, ${width} wide`);
}

function checkRowOperator(b: Builder, o: Operator, program: Program): void {
  switch (o.op) {
    case "embed": {
      const [, width = 0] = b.tensor(o.weight, "int8", program.vocab, null).dims;
      b.tensor(o.multiplier, "uint16", program.vocab);
      b.attribute("s", o.s, 0, 20);
      b.define("row", width);
      break;
    }
    case "add":
    case "mul":
      b.width(b.row(o.a), b.row(o.b));
      b.define("row", b.row(o.a));
      break;
    case "rowscale":
      b.attribute("b", o.bits, 8, 15);
      b.define("row", b.row(o.x));
      b.define("exponent", 1);
      break;
    case "rmsnorm":
      checkRmsnorm(b, o);
      break;
    case "matmul": {
      const [n] = b.tensor(o.weight, "int8", null, b.row(o.x)).dims;
      if (o.bias !== null) b.tensor(o.bias, "int32", n);
      b.define("row", n);
      break;
    }
    case "requant16":
      b.tensor(o.multiplier, "uint16", b.row(o.x));
      checkRequant(b, o, 28, 0, 16);
      b.define("row", b.row(o.x));
      break;
    case "requant24":
      b.tensor(o.multiplier, "uint16", b.row(o.x));
      if (o.exponent !== null) b.read(o.exponent, "exponent");
      b.attribute("s", o.s, 0, 28);
      b.define("row", b.row(o.x));
      break;
    case "table":
      b.attribute("table", o.table, 1, 1);
      b.define("row", b.row(o.x));
      break;
    default:
      checkAttentionOperator(b, o, program.context);
  }
}

type AttentionOperator = Extract<
  Operator,
  { readonly op: "rope" | "append" | "qk" | "softmax" | "pv" | "pnorm" }
>;

function checkAttentionOperator(b: Builder, o: AttentionOperator, context: number): void {
  switch (o.op) {
    case "rope":
      checkRope(b, o, context);
      break;
    case "append":
      b.caches.push({ width: b.row(o.x), block: b.block, source: o.x });
      break;
    case "qk":
      checkHeads(b, o);
      b.width(b.row(o.q), o.heads * o.headDim);
      b.define("ragged", o.heads);
      break;
    case "softmax": {
      const x = b.read(o.x, "ragged");
      b.source(x, "qk");
      b.tensor(o.multiplier, "uint16", x.width);
      b.attribute("s", o.s, 0, 28);
      b.define("ragged", x.width);
      b.define("mass", x.width);
      break;
    }
    case "pv": {
      const p = b.read(o.p, "ragged");
      b.source(p, "softmax");
      checkHeads(b, o);
      b.width(p.width, o.heads);
      b.define("row", o.heads * o.headDim);
      break;
    }
    case "pnorm":
      checkPnorm(b, o);
      break;
  }
}

/** s, t and B of requant16 and its kin. */
function checkRequant(
  b: Builder,
  { s, t, bound }: { readonly s: number; readonly t: number; readonly bound: number },
  largestS: number,
  leastT: number,
  largestT: number,
): void {
  b.attribute("s", s, 0, largestS);
  b.attribute("t", t, leastT, largestT);
  b.attribute("B", bound, 1, LARGEST_INT16);
}

function checkRmsnorm(b: Builder, o: Extract<Operator, { readonly op: "rmsnorm" }>): void {
  const x = b.read(o.x, "row");
  const exponent = b.read(o.exponent, "exponent");
  b.source(x, "rowscale");
  b.sameSource(x, exponent);
  if (x.width > LARGEST_NORM) b.refuse("CHECK_WIDTH", `${x.width} is more than ${LARGEST_NORM}`);
  b.tensor(o.multiplier, "uint16", x.width);
  b.attribute("E", o.epsilon, 0, 2 ** 29 - 1);
  checkRequant(b, o, 12, 0, 16);
  b.define("row", x.width);
}

function checkRope(
  b: Builder,
  o: Extract<Operator, { readonly op: "rope" }>,
  context: number,
): void {
  const width = b.row(o.x);
  b.attribute("D", o.headDim, 2, width);
  if (o.headDim % 2 !== 0) b.refuse("CHECK_ATTRIBUTE", `D is ${o.headDim}, which is odd`);
  b.multiple(width, o.headDim);
  b.tensor(o.table, "int16", context, o.headDim / 2, 2);
  b.attribute("s", o.s, 0, 15);
  b.attribute("B", o.bound, 1, LARGEST_INT16);
  b.define("row", width);
}

/** That the heads of a `qk` or `pv` share the groups of its cache evenly. */
function checkHeads(
  b: Builder,
  {
    cache,
    heads,
    headDim,
  }: { readonly cache: number; readonly heads: number; readonly headDim: number },
): void {
  const { width } = b.cache(cache);
  b.attribute("D", headDim, 1, width);
  b.attribute("H", heads, 1, 2 ** 16);
  b.multiple(width, headDim);
  b.multiple(heads, width / headDim);
}

function checkPnorm(b: Builder, o: Extract<Operator, { readonly op: "pnorm" }>): void {
  const x = b.read(o.x, "row");
  const mass = b.read(o.mass, "mass");
  const p = b.read(b.source(x, "pv").p, "ragged");
  b.sameSource(p, mass);
  b.attribute("D", o.headDim, 1, x.width);
  b.width(x.width, mass.width * o.headDim);
  checkRequant(b, o, 15, 15, 17);
  b.define("row", x.width);
}
