/** Log probabilities of an answer's tokens, from the integer program's own logits (spec/06 §6.6), computed here. */

import type { Engine } from "@assay/engine";

/** One token and its natural logarithm of probability, at temperature 1. */
interface ScoredToken {
  readonly token: number;
  readonly logprob: number;
}

export interface ScoredPosition extends ScoredToken {
  /** The likeliest, best first. */
  readonly top: readonly ScoredToken[];
}

/** spec/01 §1.3: `exp` is e^(−d / 1024). */
const LOGIT_SCALE = 1024;

export function scoreOutput(
  engine: Engine,
  prompt: readonly number[],
  output: readonly number[],
  top: number,
): readonly ScoredPosition[] {
  const session = engine.createSession();
  try {
    session.append(prompt);
    return output.map((token, index) => {
      const scored = scorePosition(session.logits(), token, top);
      if (index + 1 < output.length) session.append([token]);
      return scored;
    });
  } finally {
    session.close();
  }
}

function scorePosition(logits: Int32Array, token: number, top: number): ScoredPosition {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp((logit - most) / LOGIT_SCALE), 0);
  const logprobOf = (index: number): number =>
    ((logits[index] ?? 0) - most) / LOGIT_SCALE - Math.log(sum);
  const best = Array.from(logits.keys())
    .sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b)
    .slice(0, top);
  return {
    token,
    logprob: logprobOf(token),
    top: best.map((index) => ({ token: index, logprob: logprobOf(index) })),
  };
}
