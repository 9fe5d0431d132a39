/** The gateway's payment channels: one for each worker that it may ask, opened when it is met. */

import { setTimeout as sleep } from "node:timers/promises";
import type { ChainClient } from "@assay/chain";
import { bytesToHex } from "@assay/wire";
import type { Logger } from "../logger.ts";

/** After the chain failed; twice as long each time. */
const AGAIN_MS = 500;
const LONGEST_AGAIN_MS = 30_000;

export interface Channels {
  /** Makes sure that the worker's channel is funded, in the background. Only staked workers get one. */
  open(worker: Uint8Array): void;
  /** Fills the worker's channel again, in the background; unless `now`, only when half of it is gone. */
  topUp(worker: Uint8Array, now: boolean): void;
  readonly isOpen: (worker: Uint8Array) => boolean;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export interface ChannelsOptions {
  readonly chain: Pick<ChainClient, "address" | "isActive" | "channelBalance" | "ensureChannel">;
  /** Base units that a channel is filled up to. */
  readonly amount: bigint;
  readonly log: Logger;
  /** Ends what is tried again and again. */
  readonly signal: AbortSignal;
}

export function createChannels({ chain, amount, log, signal }: ChannelsOptions): Channels {
  const open = new Set<string>();
  const pending = new Map<string, Promise<void>>();

  async function fill(worker: Uint8Array, name: string): Promise<void> {
    if (!(await chain.isActive(worker))) {
      log.warn({ worker: name }, "a worker without stake is not asked");
      return;
    }
    await chain.ensureChannel(worker, amount);
    open.add(name);
    log.info({ worker: name }, "channel is funded");
  }

  async function refill(worker: Uint8Array, name: string, now: boolean): Promise<void> {
    const balance = await chain.channelBalance(chain.address, worker);
    const due = now ? balance < amount : 2n * balance < amount;
    if (!due || !(await chain.isActive(worker))) return;
    await chain.ensureChannel(worker, amount);
    log.info({ worker: name }, "channel is filled up again");
  }

  /** One at a time for each worker, until the chain carries it out: without a channel the worker is never asked. */
  function inBackground(name: string, task: () => Promise<void>): void {
    if (pending.has(name)) return;
    const running = untilDone(name, task).finally(() => pending.delete(name));
    pending.set(name, running);
  }

  async function untilDone(name: string, task: () => Promise<void>): Promise<void> {
    for (let delay = AGAIN_MS; !signal.aborted; delay = Math.min(2 * delay, LONGEST_AGAIN_MS)) {
      try {
        return await task();
      } catch (error) {
        log.warn({ err: error, worker: name }, "channel not funded; it will be tried again");
      }
      await sleep(delay, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    open(worker) {
      const name = bytesToHex(worker);
      if (!open.has(name)) inBackground(name, () => fill(worker, name));
    },
    topUp(worker, now) {
      const name = bytesToHex(worker);
      inBackground(name, () => refill(worker, name, now));
    },
    isOpen: (worker) => open.has(bytesToHex(worker)),
    async settled() {
      await Promise.all(pending.values());
    },
  };
}
