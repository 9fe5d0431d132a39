/** Back-pressure: as many requests run as the workers have slots; the others wait in the order in which they came. */

import { AnswerError } from "./answer.ts";

const MAX_WAITING = 64;
const MAX_WAIT_MS = 30_000;

export interface Queue {
  /**
   * Resolves when it is this request's turn, with what gives its place to the next.
   *
   * @throws {AnswerError} BUSY where the queue is full, or the wait took too long
   * @throws the signal's reason
   */
  enter(signal?: AbortSignal): Promise<() => void>;
  readonly running: () => number;
  readonly waiting: () => number;
}

export interface QueueOptions {
  /** Tasks that the workers take at once, as far as they have said. */
  readonly capacity: () => number;
  readonly maxWaiting?: number;
  readonly maxWaitMs?: number;
}

export function createQueue(options: QueueOptions): Queue {
  const { capacity, maxWaiting = MAX_WAITING, maxWaitMs = MAX_WAIT_MS } = options;
  const line: (() => void)[] = [];
  let running = 0;

  function advance(): void {
    // Without any worker a request runs into that error by itself, at once.
    while (line.length > 0 && running < Math.max(1, capacity())) {
      running += 1;
      line.shift()?.();
    }
  }
  function leave(): void {
    running -= 1;
    advance();
  }
  function once(): () => void {
    let isLeft = false;
    return () => {
      if (!isLeft) leave();
      isLeft = true;
    };
  }

  return {
    running: () => running,
    waiting: () => line.length,
    async enter(signal) {
      signal?.throwIfAborted();
      if (line.length >= maxWaiting) {
        throw new AnswerError({ code: "BUSY", waiting: line.length });
      }
      const turn = Promise.withResolvers<void>();
      line.push(turn.resolve);
      advance();
      const drop = (reason: unknown): void => {
        const place = line.indexOf(turn.resolve);
        if (place < 0) return;
        line.splice(place, 1);
        turn.reject(reason);
      };
      const onAbort = (): void => drop(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      const timer = setTimeout(() => {
        drop(new AnswerError({ code: "BUSY", waiting: line.length - 1 }));
      }, maxWaitMs);
      try {
        await turn.promise;
        return once();
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      }
    },
  };
}
