/** Follows the logs of some contracts, in order, through RPC failures, from a block the caller remembers. */

import type { Log, PublicClient } from "viem";
import type { Address } from "./network-file.ts";

/** Blocks asked for in one request: public RPCs refuse more. */
const MAX_BLOCK_RANGE = 1_000n;
const MAX_RETRY_DELAY_MS = 5_000;
/** How far back a chain takes blocks back at most. */
const REORGANISED_BLOCKS = 64n;

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

/**
 * Runs until `signal` aborts. A log is delivered again where its handler throws, and where the chain has taken back the
 * block that was read last (a reorganisation, or a node that started from an older state): then the last blocks are read anew.
 */
export async function followLogs(client: PublicClient, options: FollowOptions): Promise<void> {
  const pollMs = options.pollMs ?? 200;
  let place: Place = { next: options.fromBlock, last: undefined };
  let delay = pollMs;
  while (!options.signal.aborted) {
    try {
      place = await readOn(client, place, options);
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

/** The block to go on with, and the last one before it as it was then. */
interface Place {
  readonly next: bigint;
  readonly last: { readonly number: bigint; readonly hash: string } | undefined;
}

async function readOn(client: PublicClient, place: Place, options: FollowOptions): Promise<Place> {
  const head = await client.getBlock({ blockTag: "latest" });
  if (head.number === place.last?.number && head.hash === place.last.hash) return place;
  const from = (await isTakenBack(client, place, head.number))
    ? later(options.fromBlock, earlier(head.number, place.last?.number) - REORGANISED_BLOCKS)
    : place.next;
  const next = await readTo(client, from, head.number, options);
  const isWhole = next === head.number + 1n;
  return { next, last: isWhole ? { number: head.number, hash: head.hash } : undefined };
}

async function isTakenBack(client: PublicClient, { last }: Place, head: bigint): Promise<boolean> {
  if (last === undefined) return false;
  if (head < last.number) return true;
  const block = await client.getBlock({ blockNumber: last.number });
  return block.hash !== last.hash;
}

const earlier = (a: bigint, b: bigint = a): bigint => (a < b ? a : b);
const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Reads from `next` to `head` and returns the block to go on with. */
async function readTo(
  client: PublicClient,
  next: bigint,
  head: bigint,
  options: FollowOptions,
): Promise<bigint> {
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
