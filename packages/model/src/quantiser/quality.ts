/** How far the integer program's logits are from the float model's, on text that calibration did not see. */

import { exp, log } from "../deterministic-math.ts";

/** Logit rows of a token sequence, one per position. Integers at scale 2^−10 are divided by 1024 by the caller. */
export type LogitRows = (tokens: readonly number[]) => readonly ArrayLike<number>[];

/** Over all positions that have a next token. */
export interface Quality {
  readonly positions: number;
  readonly floatPerplexity: number;
  readonly perplexity: number;
  /** Integer perplexity over float perplexity. */
  readonly ratio: number;
  /** Share of positions where both have the same most likely token. */
  readonly agreement: number;
  /** Largest difference of two logits. */
  readonly largestError: number;
  /** Root of the mean squared difference. */
  readonly meanError: number;
}

/** Index of the largest value, the lowest where several are (spec/01 §1.5.16). */
function likeliest(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] ?? 0) > (row[best] ?? 0)) best = i;
  return best;
}

/** −ln of the probability that the row gives the token. */
function surprise(row: ArrayLike<number>, token: number): number {
  const largest = row[likeliest(row)] ?? 0;
  let total = 0;
  for (let i = 0; i < row.length; i++) total += exp((row[i] ?? 0) - largest);
  return log(total) + largest - (row[token] ?? 0);
}

/**
 * Runs both models over the sequences.
 *
 * @throws {RangeError} if no sequence has two tokens
 */
export function measureQuality(
  float: LogitRows,
  integer: LogitRows,
  sequences: readonly (readonly number[])[],
): Quality {
  let [positions, floatLoss, loss, agreed, largestError, squares, logits] = [0, 0, 0, 0, 0, 0, 0];
  for (const sequence of sequences) {
    const expected = float(sequence);
    const actual = integer(sequence);
    sequence.slice(1).forEach((next, i) => {
      const a = expected[i] ?? [];
      const b = actual[i] ?? [];
      floatLoss += surprise(a, next);
      loss += surprise(b, next);
      if (likeliest(a) === likeliest(b)) agreed++;
      for (let j = 0; j < a.length; j++) {
        const error = Math.abs((a[j] ?? 0) - (b[j] ?? 0));
        largestError = Math.max(largestError, error);
        squares += error * error;
      }
      logits += a.length;
      positions++;
    });
  }
  if (positions === 0) throw new RangeError("no sequence has a next token");
  return {
    positions,
    floatPerplexity: exp(floatLoss / positions),
    perplexity: exp(loss / positions),
    ratio: exp((loss - floatLoss) / positions),
    agreement: agreed / positions,
    largestError,
    meanError: Math.sqrt(squares / logits),
  };
}
