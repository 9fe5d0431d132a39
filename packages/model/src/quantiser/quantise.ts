/**
 * A Llama in floating point → its integer program (spec/01).
 *
 * Weights are rounded to nearest, with one scale per output row; activations have one static scale per tensor, from what
 * the float model's rows reach on a calibration text. The same model, text and assets give the same program on every
 * engine: only + − × ÷ √ in double precision are used, in a fixed order.
 */

import { powerOfTwo } from "../deterministic-math.ts";
import { type LlamaGeometry, type LlamaModel, rotaryAngles } from "../float-llama.ts";
import type { Asset, Program, TensorId, VariableId } from "../program.ts";
import { ProgramBuilder } from "./builder.ts";
import { type LayerPlan, type Projection, planLayer, TABLE_UNIT } from "./layer-plan.ts";
import { type Matrix, quantiseMatrix } from "./matrix.ts";
import { fitMultipliers, round } from "./multipliers.ts";
import { fittingBits, heaviest, type Norm, planNorm, planNormWithMatrices } from "./norm.ts";
import { QuantiserError } from "./quantiser-error.ts";
import { calibrate, type Ranges } from "./ranges.ts";
import { chooseFraction, epsilonFor, residualMultipliers } from "./residual.ts";

export interface QuantiserOptions {
  /** Token sequences, each run from position 0. */
  readonly calibration: readonly (readonly number[])[];
  readonly assets: readonly Asset[];
  /** Positions of the program; the model's own where left out. */
  readonly context?: number;
}

/** spec/01 §1.5.2: the residual stream holds 127 addends, the embedding and two of each layer. */
const MOST_LAYERS = 63;
/** spec/01 §1.4 and §1.5.4. */
const MOST_POSITIONS = 16_384;
const WIDEST_ROW = 8192;

/** Bits that the residual stream's rows are scaled to before a norm. */
const NORM_BITS = 15;

/** Relative error of a gain that a shared embedding may carry: that of a weight of 7 bits. */
const LARGEST_TIED_ERROR = 1 / 128;

function checkGeometry(geometry: LlamaGeometry, context: number): void {
  const bounds: readonly (readonly [string, number, number])[] = [
    ["layers", geometry.layers, MOST_LAYERS],
    ["hidden size", geometry.hidden, WIDEST_ROW],
    ["context", context, Math.min(MOST_POSITIONS, geometry.context)],
  ];
  for (const [field, actual, limit] of bounds) {
    if (actual > limit) {
      throw new QuantiserError({ code: "QUANTISER_GEOMETRY", field, limit, actual });
    }
  }
}

/** What all layers share while a program is put together. */
interface Emitter {
  readonly builder: ProgramBuilder;
  readonly geometry: LlamaGeometry;
  readonly fraction: number;
  readonly ropeTable: TensorId;
}

function ropeTensor(builder: ProgramBuilder, geometry: LlamaGeometry): TensorId {
  const data = Int16Array.from(rotaryAngles(geometry), (value) => round(value * 16_384));
  return builder.tensor({
    type: "int16",
    dims: [geometry.context, geometry.headDim / 2, 2],
    data,
  });
}

function emitNorm({ builder, geometry, fraction }: Emitter, x: VariableId, norm: Norm): VariableId {
  const [scaled, exponent] = builder.definePair({ op: "rowscale", x, bits: NORM_BITS });
  return builder.define({
    op: "rmsnorm",
    x: scaled,
    exponent,
    multiplier: builder.multipliers(norm.multipliers),
    epsilon: epsilonFor(geometry, fraction),
    s: norm.s,
    t: norm.t,
    bound: norm.bound,
  });
}

function emitMatrix({ builder }: Emitter, x: VariableId, matrix: Matrix): VariableId {
  return builder.define({ op: "matmul", x, weight: builder.tensor(matrix.tensor), bias: null });
}

function emitProjection(emitter: Emitter, x: VariableId, projection: Projection): VariableId {
  const { builder } = emitter;
  const { multipliers, s, t, bound } = projection;
  const accumulator = emitMatrix(emitter, x, projection.matrix);
  const multiplier = builder.multipliers(multipliers);
  return builder.define({ op: "requant16", x: accumulator, multiplier, s, t, bound });
}

function emitAttention(emitter: Emitter, x: VariableId, plan: LayerPlan, what: string): VariableId {
  const { builder, geometry, fraction, ropeTable } = emitter;
  const { headDim, heads } = geometry;
  const input = emitNorm(emitter, x, plan.attentionNorm);
  const rotated = (projection: Projection): VariableId =>
    builder.define({
      op: "rope",
      x: emitProjection(emitter, input, projection),
      table: ropeTable,
      headDim,
      s: plan.ropeShift,
      bound: plan.ropeBound,
    });
  const q = rotated(plan.query);
  const keys = builder.append(rotated(plan.key));
  const values = builder.append(emitProjection(emitter, input, plan.value));
  const scores = builder.define({ op: "qk", q, cache: keys, headDim, heads });
  const ratios = new Float64Array(heads).fill(plan.scoreUnit / TABLE_UNIT);
  const score = fitMultipliers(ratios, 14, 42, `${what}, scores`);
  const [p, mass] = builder.definePair({
    op: "softmax",
    x: scores,
    multiplier: builder.multipliers(score.multipliers),
    s: score.shift - 14,
  });
  const attended = builder.define({
    op: "pnorm",
    x: builder.define({ op: "pv", p, cache: values, headDim, heads }),
    mass,
    headDim,
    s: 14,
    t: plan.attendedShift,
    bound: plan.attendedBound,
  });
  const accumulator = emitMatrix(emitter, attended, plan.attentionOutput.matrix);
  const output = residualMultipliers(plan.attentionOutput, fraction, `${what}, attention output`);
  return builder.define({
    op: "requant24",
    x: accumulator,
    exponent: null,
    multiplier: builder.multipliers(output.multipliers),
    s: output.shift,
  });
}

function emitMlp(emitter: Emitter, x: VariableId, plan: LayerPlan, what: string): VariableId {
  const { builder, fraction } = emitter;
  const input = emitNorm(emitter, x, plan.mlpNorm);
  const gate = emitProjection(emitter, input, plan.gate);
  const active = builder.define({ op: "table", x: gate, table: 1 });
  const up = emitProjection(emitter, input, plan.up);
  const [gated, exponent] = builder.definePair({
    op: "rowscale",
    x: builder.define({ op: "mul", a: active, b: up }),
    bits: plan.gatedBits,
  });
  const accumulator = emitMatrix(emitter, gated, plan.down.matrix);
  const output = residualMultipliers(plan.down, fraction, `${what}, down projection`);
  return builder.define({
    op: "requant24",
    x: accumulator,
    exponent,
    multiplier: builder.multipliers(output.multipliers),
    s: output.shift,
  });
}

function emitEmbedding(emitter: Emitter, embedding: Matrix, weight: TensorId): VariableId {
  const { builder, fraction } = emitter;
  const ratios = embedding.units.map((unit) => unit * powerOfTwo(fraction));
  const { multipliers, shift } = fitMultipliers(ratios, 0, 20, "embedding");
  const multiplier = builder.multipliers(multipliers);
  return builder.define({ op: "embed", weight, multiplier, s: shift });
}

/** The head's norm and matrix; `null` where the embedding's own tensor serves as the matrix. */
interface HeadPlan {
  readonly norm: Norm;
  readonly matrix: Matrix | null;
}

/**
 * A tied head takes the embedding's tensor unless the final norm has gains that its multipliers cannot express, for
 * those would have to go into the head's columns.
 */
function planHead(model: LlamaModel, embedding: Matrix, ranges: Ranges): HeadPlan {
  const normed = ranges.outer("finalNormed");
  const output = ranges.outer("headInput");
  const what = "final norm";
  if (model.head === null) {
    const bits = fittingBits(heaviest([embedding]), NORM_BITS, what);
    const norm = planNorm(model.finalNorm, normed, output, bits, what);
    const expressible = norm.correction.every(
      (factor) => Math.abs(factor - 1) < LARGEST_TIED_ERROR,
    );
    if (expressible) return { norm, matrix: null };
  }
  const weight = model.head ?? model.embedding;
  const planned = planNormWithMatrices(model.finalNorm, [weight], normed, output, what);
  return { norm: planned.norm, matrix: planned.matrices[0] ?? null };
}

function emitHead(
  emitter: Emitter,
  x: VariableId,
  { norm, matrix }: HeadPlan,
  embedding: { readonly matrix: Matrix; readonly weight: TensorId },
): void {
  const { builder } = emitter;
  const input = emitNorm(emitter, x, norm);
  const weight = matrix === null ? embedding.weight : builder.tensor(matrix.tensor);
  const accumulator = builder.define({ op: "matmul", x: input, weight, bias: null });
  const { units } = matrix ?? embedding.matrix;
  const ratios = units.map((unit) => (unit * norm.unit) / TABLE_UNIT);
  const { multipliers, shift } = fitMultipliers(ratios, 14, 42, "logits");
  const multiplier = builder.multipliers(multipliers);
  builder.define({ op: "requant24", x: accumulator, exponent: null, multiplier, s: shift - 14 });
}

/**
 * Makes the integer program of a model. The caller passes it to `checkProgram` before it registers or runs it.
 *
 * @throws {QuantiserError}
 */
export function quantiseLlama(model: LlamaModel, options: QuantiserOptions): Program {
  const geometry = { ...model.geometry, context: options.context ?? model.geometry.context };
  checkGeometry(model.geometry, geometry.context);
  const ranges = calibrate(model, options.calibration);
  const plans = model.layers.map((layer, index) => planLayer(geometry, layer, ranges, index));
  const embedding = quantiseMatrix(model.embedding, new Float64Array(geometry.hidden).fill(1));
  const embeddingUnit = embedding.units.reduce((a, b) => Math.max(a, b), 0);
  const builder = new ProgramBuilder();
  const emitter: Emitter = {
    builder,
    geometry,
    fraction: chooseFraction(geometry, plans, ranges, embeddingUnit),
    ropeTable: ropeTensor(builder, geometry),
  };
  const weight = builder.tensor(embedding.tensor);
  let x = emitEmbedding(emitter, embedding, weight);
  plans.forEach((plan, index) => {
    const what = `layer ${index}`;
    x = builder.define({ op: "add", a: x, b: emitAttention(emitter, x, plan, what) });
    x = builder.define({ op: "add", a: x, b: emitMlp(emitter, x, plan, what) });
    builder.endBlock(x);
  });
  emitHead(emitter, x, planHead(model, embedding, ranges), { matrix: embedding, weight });
  return builder.build({
    context: geometry.context,
    vocab: geometry.vocab,
    assets: options.assets,
    endTokens: model.endTokens,
  });
}
