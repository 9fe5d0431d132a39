import { PAGE_POSITIONS } from "@assay/kernels";
import type { Sampling } from "@assay/wire";
import { checkCount, type Engine, type Session } from "./engine.ts";
import { EngineError } from "./engine-error.ts";

export interface GenerateOptions {
  /** At least one token. */
  readonly prompt: readonly number[];
  /** At least 1, and with the prompt's length at most one more than the program's context. */
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** 32 bytes; a greedy choice does not look at it. */
  readonly seed: Uint8Array;
  /** Called with each token as it is chosen, and awaited where it returns a promise; what it throws ends the generation. */
  readonly onToken?: (token: number) => unknown;
  readonly signal?: AbortSignal;
}

export interface Answer {
  /** An end token ends the answer and belongs to it. */
  readonly tokens: readonly number[];
  readonly finishReason: "stop" | "length";
  readonly traceRoot: Uint8Array;
}

/** Multiplications between two turns of the event loop: about 8 ms of one core. */
const WORK_PER_TURN = 2 ** 26;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

/** Lets the event loop turn when enough was done, and stops when the caller wants. */
class Pace {
  readonly #workPerPosition: number;
  readonly #signal: AbortSignal | undefined;
  #done = 0;

  constructor(workPerPosition: number, signal: AbortSignal | undefined) {
    this.#workPerPosition = workPerPosition;
    this.#signal = signal;
  }

  async after(positions: number): Promise<void> {
    this.#done += positions * this.#workPerPosition;
    if (this.#done >= WORK_PER_TURN) {
      this.#done = 0;
      await nextTurn();
    }
    this.#signal?.throwIfAborted();
  }
}

/**
 * Answers a prompt in a session of its own. Yields to the event loop about every 8 ms.
 *
 * @throws {EngineError}
 * @throws the signal's reason, once it is aborted
 */
export async function generate(engine: Engine, options: GenerateOptions): Promise<Answer> {
  const { prompt, maxTokens, signal } = options;
  const { context } = engine.program;
  checkCount(maxTokens);
  signal?.throwIfAborted();
  if (prompt.length + maxTokens - 1 > context) {
    const added = maxTokens - 1;
    throw new EngineError({ code: "ENGINE_CONTEXT", context, length: prompt.length, added });
  }
  const session = engine.createSession();
  try {
    const pace = new Pace(engine.workPerPosition, signal);
    await prefill(session, prompt, pace);
    return await answer(engine, session, options, pace);
  } finally {
    session.close();
  }
}

async function prefill(session: Session, prompt: readonly number[], pace: Pace): Promise<void> {
  let done = 0;
  do {
    const tokens = prompt.slice(done, done + PAGE_POSITIONS);
    session.append(tokens);
    await pace.after(tokens.length);
    done += tokens.length;
  } while (done < prompt.length);
}

async function answer(
  engine: Engine,
  session: Session,
  { maxTokens, sampling, seed, onToken }: GenerateOptions,
  pace: Pace,
): Promise<Answer> {
  const ends = new Set(engine.program.endTokens);
  const tokens: number[] = [];
  for (;;) {
    const token = session.choose(sampling, seed);
    tokens.push(token);
    const taken = onToken?.(token);
    if (taken instanceof Promise) await taken;
    const isEnd = ends.has(token);
    if (isEnd || tokens.length === maxTokens) {
      const finishReason = isEnd ? "stop" : "length";
      return { tokens, finishReason, traceRoot: session.traceRoot() };
    }
    session.append([token]);
    await pace.after(1);
  }
}
