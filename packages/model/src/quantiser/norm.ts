/** An RMSNorm and the projections that read it. */

import { floorLog2, powerOfTwo } from "../deterministic-math.ts";
import { type Matrix, quantiseMatrix } from "./matrix.ts";
import { fitMultipliers } from "./multipliers.ts";
import { QuantiserError } from "./quantiser-error.ts";
import type { Range } from "./ranges.ts";

/**
 * How far beyond the calibrated maximum a value may go before it is clamped. Values of unseen text exceed the maximum of
 * some thousand positions by little; 1.5 costs half a bit of 15.
 */
export const HEADROOM = 2;

/**
 * What an accumulator may reach: 2^29 less what rounding adds before a shift (spec/01 §1.2: 2^(s−1), s ≤ 22 here).
 */
const ACCUMULATOR_LIMIT = 2 ** 29 - 2 ** 22;

export const LARGEST_16 = 32_767;

/** Widest activations, and the narrowest that the quantiser falls back to where a row is too heavy. */
const WIDEST_BITS = 15;
const NARROWEST_BITS = 8;

/** Parameters of `rmsnorm` (spec/01 §1.5.4), but for E. */
export interface Norm {
  readonly multipliers: Uint16Array;
  readonly s: number;
  readonly t: number;
  readonly bound: number;
  /** What the integer 1 stands for in the output. */
  readonly unit: number;
  /**
   * What each output times `unit` is still to be multiplied with to be the float model's: the sign of the gain, which the
   * multiplier has not, and the rounding of the multiplier. It goes into the columns of the matrices that read the norm.
   */
  readonly correction: Float64Array;
}

/**
 * @param normed range of x / rms, before the gain
 * @param output range after the gain
 */
export function planNorm(
  gain: Float32Array,
  normed: Range,
  output: Range,
  bits: number,
  what: string,
): Norm {
  const root = Math.sqrt(gain.length);
  // u = x / rms · 2^(19−s) / √K must fit 16 bits; |x / rms| ≤ √K, so that s = 4 always does.
  const reach = Math.min(normed.largest * HEADROOM, root) / root;
  let s = 0;
  while (reach * powerOfTwo(19 - s) > LARGEST_16 && s < 4) s++;
  const inner = root * powerOfTwo(s - 19);
  const bound = powerOfTwo(bits) - 1;
  const unit = largestOrOne(output.largest) * (HEADROOM / bound);
  const ratios = Float64Array.from(gain, (value) => (Math.abs(value) * inner) / unit);
  const { multipliers, shift } = fitMultipliers(ratios, 0, 16, what);
  const represented = (i: number): number =>
    ((multipliers[i] ?? 1) * unit) / (inner * powerOfTwo(shift));
  const correction = Float64Array.from(gain, (value, i) => value / represented(i));
  return { multipliers, s, t: shift, bound, unit, correction };
}

/** A range that calibration found to be zero gets the unit of one. */
export const largestOrOne = (largest: number): number => (largest > 0 ? largest : 1);

/** Heaviest row of all. */
export const heaviest = (matrices: readonly Matrix[]): number =>
  matrices.reduce((a, { magnitudes }) => magnitudes.reduce((b, c) => Math.max(b, c), a), 0);

/** Most bits b of an activation for which (2^b − 1)·Σ|W| stays within the accumulator, at most `widest`. */
export function fittingBits(magnitude: number, widest: number, what: string): number {
  const limit = Math.floor(ACCUMULATOR_LIMIT / Math.max(1, magnitude)) + 1;
  const bits = Math.min(widest, floorLog2(limit));
  if (bits < NARROWEST_BITS) {
    const largestMagnitude = Math.floor(ACCUMULATOR_LIMIT / (powerOfTwo(NARROWEST_BITS) - 1));
    throw new QuantiserError({ code: "QUANTISER_WIDTH", what, limit: largestMagnitude });
  }
  return bits;
}

/** A norm with as many bits as its projections' heaviest row allows. */
export function planNormWithMatrices(
  gain: Float32Array,
  weights: readonly Float32Array[],
  normed: Range,
  output: Range,
  what: string,
): { readonly norm: Norm; readonly matrices: readonly Matrix[] } {
  let bits = WIDEST_BITS;
  for (;;) {
    const norm = planNorm(gain, normed, output, bits, what);
    const matrices = weights.map((weight) => quantiseMatrix(weight, norm.correction));
    const fitting = fittingBits(heaviest(matrices), bits, what);
    if (fitting === bits) return { norm, matrices };
    bits = fitting;
  }
}
