/**
 * Random programs for conformance: every implementation has to agree with the interpreter on them, bit for bit.
 *
 * Shapes are not powers of two, weights and attributes sit at the edges of their ranges, and every
 * operator occurs. For tests and development.
 */

import type { Sampling } from "@assay/wire";
import { checkProgram } from "../check.ts";
import type { Program } from "../program.ts";
import { ProgramBuilder, type RowVariable, type ScaledRow } from "./program-builder.ts";
import { Random } from "./random.ts";

const LIMIT = 2 ** 29;
const WIDTHS = [37, 70, 24, 64, 65, 13, 1] as const;
const INNER_WIDTHS = [50, 130, 64, 7, 200] as const;
const HEAD_DIMS = [10, 2, 6, 32, 22] as const;

/** The program of a seed: 1 … 3 blocks, up to 20 positions. `checkProgram` accepts it. */
export function randomProgram(seed: number): Program {
  const random = new Random(seed);
  const vocab = random.pick([61, 5, 128, 33]);
  const builder = new ProgramBuilder(random, random.int(1, 20), vocab);
  let state = builder.embed(random.pick(WIDTHS));
  const blocks = random.int(1, 3);
  for (let block = 0; block < blocks; block++) {
    const isMixed = random.chance(30);
    state = isMixed ? mixedBlock(builder, random, state) : llamaBlock(builder, random, state);
    builder.endBlock(state);
  }
  builder.requant24(builder.matmul(normalised(builder, state), vocab));
  const program = builder.finish();
  const checked = checkProgram(program);
  if (!checked.ok)
    throw new Error(`seed ${seed} gave a program that is refused: ${checked.message}`);
  return program;
}

/** Tokens of the program's vocabulary, its first and last among them; as many as fit its context by default. */
export function randomTokens(
  program: Program,
  random: Random,
  count: number = program.context,
): number[] {
  const last = program.vocab - 1;
  return Array.from({ length: count }, () => random.pick([0, last, random.int(0, last)]));
}

/** Sampling parameters, one in four of them greedy, the limits of each among them. */
export function randomSampling(random: Random): Sampling {
  return {
    invTemperature: random.pick([0, 1024, random.int(1, 16383), random.pick([1, 16383, 724])]),
    topP: random.pick([65536, 58982, random.int(1, 65536), random.pick([1, 65535, 655])]),
  };
}

/** 32 bytes. */
export function randomSeed(random: Random): Uint8Array {
  return Uint8Array.from({ length: 32 }, () => random.int(0, 255));
}

/** Attention and a gated network, each added to the residual row. */
function llamaBlock(builder: ProgramBuilder, random: Random, state: RowVariable): RowVariable {
  let residual = state;
  if (random.chance(85)) {
    const attended = attention(builder, random, normalised(builder, residual));
    residual = addend(builder, residual, builder.requant24(attended));
  }
  const inner = gatedProduct(builder, random, normalised(builder, residual));
  const down = builder.matmul(inner.x, residual.width);
  return addend(builder, residual, builder.requant24(down, inner.exponent));
}

function normalised(builder: ProgramBuilder, x: RowVariable): RowVariable {
  return builder.rmsnorm(scaled(builder, x));
}

/** A row that rounding could carry to 2^29 is narrowed first. */
function scaled(builder: ProgramBuilder, x: RowVariable): ScaledRow {
  const result = builder.rowscale(x) ?? builder.rowscale(builder.requant24(x));
  if (result === null) throw new RangeError("a row within 2^22 cannot be scaled");
  return result;
}

/** x + y, or where that might not fit, y alone plus itself. */
function addend(builder: ProgramBuilder, x: RowVariable, y: RowVariable): RowVariable {
  return builder.add(x, y) ?? builder.add(y, y) ?? y;
}

function gatedProduct(builder: ProgramBuilder, random: Random, x: RowVariable): ScaledRow {
  const inner = random.pick(INNER_WIDTHS);
  const gate = builder.table(builder.requant16(builder.matmul(x, inner), 32767));
  const up = builder.requant16(builder.matmul(x, inner), 16383);
  return scaled(builder, builder.mul(gate, up) ?? gate);
}

function attention(builder: ProgramBuilder, random: Random, x: RowVariable): RowVariable {
  const headDim = random.pick(HEAD_DIMS);
  const groups = random.int(1, 3);
  const heads = groups * random.int(1, 3);
  // headDim · most² < 2^29
  const most = Math.floor(Math.sqrt((LIMIT - 1) / headDim));
  const project = (count: number, largest: number): RowVariable =>
    builder.requant16(builder.matmul(x, count * headDim), largest);
  const turned = (row: RowVariable): RowVariable =>
    random.chance(80) ? builder.rope(row, headDim, Math.min(most, 32767)) : row;
  const small = Math.min(most, 16383);
  const q = turned(project(heads, small));
  const k = builder.append(turned(project(groups, small)));
  const v = random.chance(15) && k.bound <= 16383 ? k : builder.append(project(groups, 16383));
  const attended = builder.attention(q, k, v, headDim);
  return builder.matmul(attended, x.width);
}

/** Operators in no sensible order on whatever rows there are. */
function mixedBlock(builder: ProgramBuilder, random: Random, state: RowVariable): RowVariable {
  const rows: [RowVariable, ...RowVariable[]] = [state];
  const steps = random.int(2, 14);
  for (let i = 0; i < steps; i++) {
    const x = random.pick(rows);
    const y = random.pick([x, random.pick(rows)]);
    const made = mixedStep(builder, random, x, y);
    if (made !== null) rows.push(made);
  }
  const last = random.pick(rows);
  return random.chance(50) && last !== state
    ? last
    : (builder.add(last, last) ?? builder.requant24(last));
}

function mixedStep(
  builder: ProgramBuilder,
  random: Random,
  x: RowVariable,
  y: RowVariable,
): RowVariable | null {
  const isInt16 = x.bound <= 32767;
  switch (random.int(0, 9)) {
    case 0:
    case 1:
      return builder.add(x, y);
    case 2:
      return builder.mul(x, y);
    case 3:
      return builder.rowscale(x)?.x ?? null;
    case 4:
      return isInt16 ? builder.table(x) : builder.requant16(x, 32767);
    case 5: {
      const { x: row, exponent } = scaled(builder, x);
      return builder.requant24(row, exponent);
    }
    case 6:
      return isInt16 ? builder.matmul(x, random.pick(WIDTHS)) : builder.requant24(x);
    case 7:
      if (isInt16) builder.append(x);
      return null;
    case 8:
      return x.bound <= 16383 && x.width % 2 === 0 ? builder.rope(x, x.width, 32767) : null;
    default:
      return isInt16 ? attention(builder, random, x) : builder.requant16(x, 4095);
  }
}
