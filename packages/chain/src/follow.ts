/** Follows the logs of some contracts, in order, through RPC failures, from a block the caller remembers. */

import type { Log, PublicClient } from "viem";
import type { Address } from "./network-file.ts";

/** Blocks asked for in one request: public RPCs refuse more. */
const MAX_BLOCK_RANGE = 1_000n;
const MAX_RETRY_DELAY_MS = 5_000;

export interface FollowOptions {
  readonly addresses: readonly Address[];
  /** The first block to read. */
  readonly fromBlock: bigint;
  readonly pollMs?: number;
  /** Called for each log in chain order; the next is read when it has resolved. */
  readonly onLog: (log: Log<bigint, number, false>) => Promise<void> | void;
  /** Called after all logs up to and including `block` were handled: the place to remember it. */
  readonly onBlock?: (block: bigint) => Promise<void> | void;
  /** Called when the RPC fails; following goes on with growing pauses. */
  readonly onError?: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Runs until `signal` aborts. A log whose handler throws is delivered again. */
export async function followLogs(client: PublicClient, options: FollowOptions): Promise<void> {
  const pollMs = options.pollMs ?? 200;
  let next = options.fromBlock;
  let delay = pollMs;
  while (!options.signal.aborted) {
    try {
      next = await readTo(client, next, options);
      delay = pollMs;
    } catch (error) {
      if (options.signal.aborted) return;
      options.onError?.(error);
      delay = Math.min(delay * 2, MAX_RETRY_DELAY_MS);
    }
    await pause(delay, options.signal);
  }
}

/** Timers of Node's own are not in browsers. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

/** Reads from `next` to the head and returns the block to go on with. */
async function readTo(client: PublicClient, next: bigint, options: FollowOptions): Promise<bigint> {
  const head = await client.getBlockNumber({ cacheTime: 0 });
  let from = next;
  while (from <= head && !options.signal.aborted) {
    const to = from + MAX_BLOCK_RANGE - 1n < head ? from + MAX_BLOCK_RANGE - 1n : head;
    const logs = await client.getLogs({
      address: [...options.addresses],
      fromBlock: from,
      toBlock: to,
    });
    for (const log of logs) {
      if (options.signal.aborted) return from;
      await options.onLog(log);
    }
    await options.onBlock?.(to);
    from = to + 1n;
  }
  return from;
}
