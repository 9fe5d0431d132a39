/**
 * One layer's integers: everything but what depends on the scale of the residual stream, which all layers share.
 *
 * A *unit* is the real number that the integer 1 stands for.
 */

import { floorLog2, powerOfTwo } from "../deterministic-math.ts";
import type { LlamaGeometry, LlamaLayer } from "../float-llama.ts";
import { type Matrix, quantiseMatrix } from "./matrix.ts";
import { fitMultipliers } from "./multipliers.ts";
import {
  fittingBits,
  HEADROOM,
  heaviest,
  LARGEST_16,
  largestOrOne,
  type Norm,
  planNormWithMatrices,
} from "./norm.ts";
import type { Range, Ranges } from "./ranges.ts";

/** spec/01 §1.3: the input and output unit of the `silu` table, and the logits' unit, are 2^−10. */
export const TABLE_UNIT = 1 / 1024;

/** 14 bits: `pv` demands 2^15·bound(V) < 2^29, `mul` bound(silu)·bound(up) < 2^29 (spec/01 §1.5.9, §1.5.14). */
const LARGEST_14 = 16_383;

/** A projection whose accumulator is requantised to 16 bits or fewer (spec/01 §1.2). */
export interface Projection {
  readonly matrix: Matrix;
  readonly multipliers: Uint16Array;
  readonly s: number;
  readonly t: number;
  readonly bound: number;
}

/** A projection back to the residual stream. */
export interface ResidualProjection {
  readonly matrix: Matrix;
  /** Unit of each row's accumulator. */
  readonly units: Float64Array;
  /** Bits that the requantisation's shift must have at least: the largest exponent of the row scale it undoes. */
  readonly lowestShift: number;
}

export interface LayerPlan {
  readonly attentionNorm: Norm;
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;
  /** Shift and output bound of `rope` on queries and keys. */
  readonly ropeShift: number;
  readonly ropeBound: number;
  /** Unit of a score, a product of a query and a key; 1/√D is in it. */
  readonly scoreUnit: number;
  readonly attendedShift: number;
  readonly attendedBound: number;
  readonly attentionOutput: ResidualProjection;
  readonly mlpNorm: Norm;
  readonly gate: Projection;
  readonly up: Projection;
  /** Bits of the row-scaled product of gate and up. */
  readonly gatedBits: number;
  readonly down: ResidualProjection;
}

const unitsOf = (matrix: Matrix, inputUnit: number): Float64Array =>
  matrix.units.map((unit) => unit * inputUnit);

const ones = (length: number): Float64Array => new Float64Array(length).fill(1);

/** Chooses the shifts so that calibrated accumulators fill 15 bits before the multiplication. */
function planProjection(
  matrix: Matrix,
  inputUnit: number,
  range: Range,
  outputUnit: number,
  bound: number,
  what: string,
): Projection {
  const units = unitsOf(matrix, inputUnit);
  let reach = 0;
  units.forEach((unit, n) => {
    const value = Math.min((range.maxima[n] ?? 0) * HEADROOM, bound * outputUnit);
    if (unit > 0) reach = Math.max(reach, value / unit);
  });
  const s = reach > 1 ? Math.max(0, floorLog2(reach) - 14) : 0;
  const ratios = units.map((unit) => unit / outputUnit);
  const { multipliers, shift } = fitMultipliers(ratios, s, s + 16, what);
  return { matrix, multipliers, s, t: shift - s, bound };
}

/** The largest B with D·B·B < 2^29, for queries and keys alike (spec/01 §1.5.12). */
function scoreBound(headDim: number): number {
  const limit = (2 ** 29 - 1) / headDim;
  let bound = Math.floor(Math.sqrt(limit));
  while (bound * bound > limit) bound--;
  return Math.min(bound, LARGEST_16);
}

type AttentionPlan = Omit<LayerPlan, "mlpNorm" | "gate" | "up" | "gatedBits" | "down">;
type MlpPlan = Pick<LayerPlan, "mlpNorm" | "gate" | "up" | "gatedBits" | "down">;

function planAttention(
  geometry: LlamaGeometry,
  layer: LlamaLayer,
  ranges: Ranges,
  index: number,
): AttentionPlan {
  const what = (part: string): string => `layer ${index}, ${part}`;
  const range = (site: Parameters<Ranges["layer"]>[1]): Range => ranges.layer(index, site);
  const { norm, matrices } = planNormWithMatrices(
    layer.attentionNorm,
    [layer.query, layer.key, layer.value],
    range("attentionNormed"),
    range("attentionInput"),
    what("attention norm"),
  );
  const [queryMatrix, keyMatrix, valueMatrix] = matrices;
  if (!(queryMatrix && keyMatrix && valueMatrix)) throw new RangeError("three matrices go in");

  const ropeBound = scoreBound(geometry.headDim);
  // Rotation keeps magnitudes, so its input has the output's range, in half the unit: `rope` shifts by 15 at most.
  const finer = Math.min(1, Math.max(0, floorLog2(LARGEST_14 / ropeBound)));
  const ropeShift = 14 + finer;
  const turnable = Math.floor((2 ** 29 - 1 - powerOfTwo(ropeShift - 1)) / 2 ** 15);
  const rotated = (site: "queryRotated" | "keyRotated"): number =>
    largestOrOne(range(site).largest) * (HEADROOM / ropeBound);
  const turned = (matrix: Matrix, site: "query" | "key"): Projection => {
    const unit = rotated(`${site}Rotated`) / powerOfTwo(finer);
    return planProjection(matrix, norm.unit, range(site), unit, turnable, what(site));
  };

  const output = quantiseMatrix(layer.attentionOutput, ones(geometry.heads * geometry.headDim));
  const attendedBits = fittingBits(heaviest([output]), 14, what("attention output"));
  const valueUnit = largestOrOne(range("value").largest) * (HEADROOM / LARGEST_14);
  const attendedUnit = valueUnit * powerOfTwo(14 - attendedBits);
  return {
    attentionNorm: norm,
    query: turned(queryMatrix, "query"),
    key: turned(keyMatrix, "key"),
    value: planProjection(
      valueMatrix,
      norm.unit,
      range("value"),
      valueUnit,
      LARGEST_14,
      what("value"),
    ),
    ropeShift,
    ropeBound,
    scoreUnit: (rotated("queryRotated") * rotated("keyRotated")) / Math.sqrt(geometry.headDim),
    attendedShift: 29 - attendedBits,
    attendedBound: powerOfTwo(attendedBits) - 1,
    attentionOutput: { matrix: output, units: unitsOf(output, attendedUnit), lowestShift: 0 },
  };
}

function planMlp(layer: LlamaLayer, ranges: Ranges, index: number): MlpPlan {
  const what = (part: string): string => `layer ${index}, ${part}`;
  const { norm, matrices } = planNormWithMatrices(
    layer.mlpNorm,
    [layer.gate, layer.up],
    ranges.layer(index, "mlpNormed"),
    ranges.layer(index, "mlpInput"),
    what("MLP norm"),
  );
  const [gateMatrix, upMatrix] = matrices;
  if (!(gateMatrix && upMatrix)) throw new RangeError("two matrices go in");
  const upRange = ranges.layer(index, "up");
  const upUnit = largestOrOne(upRange.largest) * (HEADROOM / LARGEST_14);
  const gateRange = ranges.layer(index, "gate");
  const down = quantiseMatrix(layer.down, ones(upMatrix.units.length));
  const gatedBits = fittingBits(heaviest([down]), 15, what("down projection"));
  const productBits = floorLog2(LARGEST_16 * LARGEST_14) + 1;
  return {
    mlpNorm: norm,
    gate: planProjection(gateMatrix, norm.unit, gateRange, TABLE_UNIT, LARGEST_16, what("gate")),
    up: planProjection(upMatrix, norm.unit, upRange, upUnit, LARGEST_14, what("up")),
    gatedBits,
    down: {
      matrix: down,
      units: unitsOf(down, upUnit * TABLE_UNIT),
      lowestShift: productBits - gatedBits,
    },
  };
}

/** @throws {QuantiserError} */
export function planLayer(
  geometry: LlamaGeometry,
  layer: LlamaLayer,
  ranges: Ranges,
  index: number,
): LayerPlan {
  return {
    ...planAttention(geometry, layer, ranges, index),
    ...planMlp(layer, ranges, index),
  };
}
