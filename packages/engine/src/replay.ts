import type { Sampling } from "@assay/wire";
import type { Engine } from "./engine.ts";

export interface ReplayOptions {
  readonly prompt: readonly number[];
  /** The answer as given, at least one token. */
  readonly output: readonly number[];
  readonly sampling: Sampling;
  readonly seed: Uint8Array;
}

export interface Replay {
  /** The token that the program chooses where the answer has its own, given what the answer has before. */
  readonly chosen: readonly number[];
  readonly traceRoot: Uint8Array;
}

/**
 * Computes an answer again, 64 positions a pass. The answer is the program's if `chosen` equals `output`, its trace if the
 * roots are equal. Synchronous: takes as long as processing a prompt of that length.
 *
 * @throws {EngineError}
 */
export function replay(engine: Engine, options: ReplayOptions): Replay {
  const { prompt, output, sampling, seed } = options;
  const session = engine.createSession();
  try {
    const tokens = [...prompt, ...output.slice(0, -1)];
    const chosen = session.appendAndChoose(tokens, output.length, sampling, seed);
    return { chosen, traceRoot: session.traceRoot() };
  } finally {
    session.close();
  }
}
