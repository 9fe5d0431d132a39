/** What the float model's rows reach on the calibration text. */

import {
  createFloatSession,
  type LayerSite,
  type LlamaModel,
  type OuterSite,
} from "../float-llama.ts";
import { QuantiserError } from "./quantiser-error.ts";

/** One kind of row, over all calibration positions. */
export interface Range {
  /** Largest magnitude of each element. */
  readonly maxima: Float64Array;
  /** Mean of each element. */
  readonly means: Float64Array;
  /** Largest magnitude of all. */
  readonly largest: number;
}

export interface Ranges {
  layer(index: number, site: LayerSite): Range;
  outer(site: OuterSite): Range;
}

interface Tally {
  readonly maxima: Float64Array;
  readonly sums: Float64Array;
  rows: number;
}

function count(tally: Tally, row: Float64Array): void {
  const { maxima, sums } = tally;
  for (let i = 0; i < row.length; i++) {
    const value = row[i] ?? 0;
    maxima[i] = Math.max(maxima[i] ?? 0, Math.abs(value));
    sums[i] = (sums[i] ?? 0) + value;
  }
  tally.rows++;
}

/**
 * Runs the float model over each sequence, from position 0.
 *
 * @throws {QuantiserError} if there is no token, or if a row is not finite
 */
export function calibrate(model: LlamaModel, sequences: readonly (readonly number[])[]): Ranges {
  const tallies = new Map<string, Tally>();
  for (const sequence of sequences) {
    const session = createFloatSession(model, (layer, site, row) => {
      const key = `${layer} ${site}`;
      let tally = tallies.get(key);
      if (tally === undefined) {
        tally = {
          maxima: new Float64Array(row.length),
          sums: new Float64Array(row.length),
          rows: 0,
        };
        tallies.set(key, tally);
      }
      count(tally, row);
    });
    for (const token of sequence) session.step(token);
  }
  const range = (layer: number, site: LayerSite | OuterSite): Range => {
    const tally = tallies.get(`${layer} ${site}`);
    if (tally === undefined) throw new QuantiserError({ code: "QUANTISER_CALIBRATION_EMPTY" });
    const { maxima, sums, rows } = tally;
    const largest = maxima.reduce((a, b) => Math.max(a, b), 0);
    if (!Number.isFinite(largest)) {
      throw new QuantiserError({ code: "QUANTISER_NOT_FINITE", layer, site });
    }
    return { maxima, means: sums.map((sum) => sum / rows), largest };
  };
  return { layer: range, outer: (site) => range(-1, site) };
}
