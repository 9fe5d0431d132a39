/** The scale of the residual stream: one power of two for the whole program. */

import { floorLog2, powerOfTwo } from "../deterministic-math.ts";
import type { LlamaGeometry } from "../float-llama.ts";
import type { LayerPlan, ResidualProjection } from "./layer-plan.ts";
import { fitMultipliers, MAX_MULTIPLIER, type Multipliers, round } from "./multipliers.ts";
import { HEADROOM } from "./norm.ts";
import { QuantiserError } from "./quantiser-error.ts";
import type { Ranges } from "./ranges.ts";

/** spec/01 §1.2: what `requant24` clamps an addend to. */
const LARGEST_ADDEND = 2 ** 22;
/** Beyond the calibrated maximum; a clamped addend is a wrong answer, and the stream has bits to spare. */
const ADDEND_HEADROOM = 4 * HEADROOM;
/** spec/01 §1.5.4: E stands for ε and is below 2^29. */
const LARGEST_EPSILON = 2 ** 29 - 1;

/** The largest f for which `value`·2^f ≤ limit. */
const fractionFor = (value: number, limit: number): number => floorLog2(limit / value);

/** E of `rmsnorm` for rows of `hidden` elements at scale 2^−f. */
export function epsilonFor(geometry: LlamaGeometry, fraction: number): number {
  return round(geometry.hidden * geometry.epsilon * powerOfTwo(2 * fraction));
}

/**
 * The f of the residual scale 2^−f: as fine as the addends' clamp, the requantisations' shifts, the embedding and E allow.
 *
 * @param embeddingUnit largest unit of an embedding row
 */
export function chooseFraction(
  geometry: LlamaGeometry,
  plans: readonly LayerPlan[],
  ranges: Ranges,
  embeddingUnit: number,
): number {
  const limits: number[] = [];
  const addend = (largest: number): void => {
    if (largest > 0) limits.push(fractionFor(largest * ADDEND_HEADROOM, LARGEST_ADDEND));
  };
  const projection = ({ units, lowestShift }: ResidualProjection): void => {
    const unit = units.reduce((a, b) => Math.max(a, b), 0);
    if (unit > 0) limits.push(fractionFor(unit * powerOfTwo(14 + lowestShift), MAX_MULTIPLIER));
  };
  plans.forEach((plan, index) => {
    addend(ranges.layer(index, "attentionOutput").largest);
    addend(ranges.layer(index, "mlpOutput").largest);
    projection(plan.attentionOutput);
    projection(plan.down);
  });
  if (embeddingUnit > 0) limits.push(fractionFor(embeddingUnit, MAX_MULTIPLIER));
  const fraction = limits.reduce((a, b) => Math.min(a, b), 24);
  // E·2^−2f ≈ K·ε
  const largest = geometry.hidden * geometry.epsilon;
  const fitting = Math.min(fraction, Math.floor(fractionFor(largest, LARGEST_EPSILON) / 2));
  if (fitting < 0)
    throw new QuantiserError({ code: "QUANTISER_SCALE", what: "residual", ratio: 1 });
  return fitting;
}

/** Multipliers of the `requant24` that brings a projection to the residual scale. */
export function residualMultipliers(
  projection: ResidualProjection,
  fraction: number,
  what: string,
): Multipliers {
  const ratios = projection.units.map((unit) => unit * powerOfTwo(fraction));
  const { multipliers, shift } = fitMultipliers(ratios, 14 + projection.lowestShift, 42, what);
  return { multipliers, shift: shift - 14 };
}
