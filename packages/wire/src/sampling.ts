/** From a request's numbers to the integers that an order carries (spec/01 §1.5.16). */

import { MAX_INV_TEMPERATURE, TOP_P_ONE } from "./limits.ts";
import type { Sampling } from "./order.ts";

const INV_TEMPERATURE_ONE = 1024;

/** The smallest temperature above 0 whose inverse an order can carry. */
export const MIN_TEMPERATURE: number = 0.0625;

/**
 * Client and gateway compute this apart and must agree, or no receipt matches what was asked.
 *
 * @param temperature 0 (greedy), or {@link MIN_TEMPERATURE} … 2; above 0, `topP` in (0, 1] counts
 */
export function samplingFor(temperature: number, topP: number): Sampling {
  if (temperature === 0) return { invTemperature: 0, topP: TOP_P_ONE };
  return {
    invTemperature: Math.min(Math.round(INV_TEMPERATURE_ONE / temperature), MAX_INV_TEMPERATURE),
    topP: Math.max(1, Math.round(topP * TOP_P_ONE)),
  };
}
