/** Real ratios as 14-bit multipliers over one power of two, for the requantisations of spec/01 §1.2. */

import { powerOfTwo } from "../deterministic-math.ts";
import { QuantiserError } from "./quantiser-error.ts";

/** Multipliers M satisfy 0 < M < 2^14. */
export const MAX_MULTIPLIER = 16_383;

export interface Multipliers {
  readonly multipliers: Uint16Array;
  readonly shift: number;
}

/** Nearest integer, halves up. */
export const round = (x: number): number => Math.floor(x + 0.5);

/**
 * M and the largest shift with M_c / 2^shift nearest to ratio_c, where lowest ≤ shift ≤ highest.
 * A ratio too small for M = 1 gets it: such a channel's values are far below the unit of the result.
 *
 * @param what names the operator in the error
 * @throws {QuantiserError}
 */
export function fitMultipliers(
  ratios: Float64Array,
  lowest: number,
  highest: number,
  what: string,
): Multipliers {
  const largest = ratios.reduce((a, b) => Math.max(a, b), 0);
  let shift = highest;
  while (round(largest * powerOfTwo(shift)) > MAX_MULTIPLIER) {
    if (shift === lowest)
      throw new QuantiserError({ code: "QUANTISER_SCALE", what, ratio: largest });
    shift--;
  }
  const factor = powerOfTwo(shift);
  const multipliers = Uint16Array.from(ratios, (ratio) => Math.max(1, round(ratio * factor)));
  return { multipliers, shift };
}
