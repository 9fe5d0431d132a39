/** Choosing the token (spec/01 §1.5.16), step by step and with big integers where 2^53 is not enough. */

import { concatBytes, keccak256, type Sampling } from "@assay/wire";
import { globalTables } from "../tables.ts";
import { at } from "./row-operators.ts";

/**
 * The token that `sampling` chooses from the logits of `position` (0-based).
 *
 * @param logits at scale 2^−10
 * @param seed 32 bytes; unused by greedy choice
 * @throws {RangeError} if a sampling parameter is out of range
 */
export function chooseToken(
  logits: ArrayLike<number>,
  sampling: Sampling,
  seed: Uint8Array,
  position: number,
): number {
  const values = Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b));
  const { invTemperature, topP } = sampling;
  if (invTemperature === 0) return values.indexOf(largest);
  if (!isWithin(invTemperature, 16383)) throw new RangeError(`invTemperature is ${invTemperature}`);
  if (!isWithin(topP, 65536)) throw new RangeError(`topP is ${topP}`);
  const weights = values.map((logit) => {
    const d = Math.min(largest - logit, 2 ** 17 - 1);
    return at(globalTables().exp, Math.min(Math.floor((d * invTemperature) / 2 ** 10), 65535));
  });
  const kept = nucleus(weights, Math.ceil((topP * total(weights)) / 2 ** 16));
  const target = Number((draw(seed, position) * BigInt(total(kept))) >> 64n);
  let cumulative = 0;
  return kept.findIndex((weight) => {
    cumulative += weight;
    return cumulative > target;
  });
}

const isWithin = (value: number, most: number): boolean =>
  Number.isInteger(value) && value >= 1 && value <= most;

const total = (weights: readonly number[]): number => weights.reduce((sum, w) => sum + w, 0);

/** The weights with 0 for those that top-p drops. */
function nucleus(weights: readonly number[], need: number): number[] {
  const descending = weights.toSorted((a, b) => b - a);
  let sum = 0;
  const tau = at(
    descending,
    descending.findIndex((weight) => {
      sum += weight;
      return sum >= need;
    }),
  );
  let ties = Math.ceil((need - total(weights.filter((weight) => weight > tau))) / tau);
  return weights.map((weight) => {
    if (weight !== tau) return weight > tau ? weight : 0;
    ties--;
    return ties >= 0 ? weight : 0;
  });
}

function draw(seed: Uint8Array, position: number): bigint {
  if (seed.length !== 32) throw new RangeError("a seed is 32 bytes");
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(position));
  const hash = keccak256(concatBytes(seed, counter));
  return new DataView(hash.buffer, hash.byteOffset).getBigUint64(0);
}
