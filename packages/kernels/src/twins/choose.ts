/** Choosing a token (spec/01 §1.5.16), by sorting where the kernel counts. */

import { at, total } from "./arithmetic.ts";

export function argmax(x: readonly number[]): number {
  return x.indexOf(Math.max(...x));
}

/** The indices that top-p keeps: by falling weight, lowest index first, until their sum reaches `need`. */
function kept(weights: readonly number[], need: number): ReadonlySet<number> {
  const order = weights.map((_, i) => i).sort((i, j) => at(weights, j) - at(weights, i) || i - j);
  const keep = new Set<number>();
  let sum = 0;
  for (const i of order) {
    if (sum >= need) break;
    keep.add(i);
    sum += at(weights, i);
  }
  return keep;
}

/** `draw` is the 64-bit number that the seed and the position determine. */
export function sample(
  logits: readonly number[],
  invTemperature: number,
  topP: number,
  draw: bigint,
  exp: ArrayLike<number>,
): number {
  const most = Math.max(...logits);
  const weights = logits.map((logit) => {
    const d = Math.min(most - logit, 2 ** 17 - 1);
    return at(exp, Math.min(Math.floor((d * invTemperature) / 2 ** 10), 65535));
  });
  const keep = kept(weights, Math.ceil((topP * total(weights)) / 2 ** 16));
  const candidates = weights.map((weight, i) => (keep.has(i) ? weight : 0));
  const target = Number((draw * BigInt(total(candidates))) >> 64n);
  let running = 0;
  return candidates.findIndex((weight) => {
    running += weight;
    return running > target;
  });
}
