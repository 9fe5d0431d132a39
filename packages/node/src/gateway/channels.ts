/** The gateway's payment channels: one for each worker that it may ask, opened when it is met. */

import type { ChainClient } from "@assay/chain";
import { bytesToHex } from "@assay/wire";
import type { Logger } from "../logger.ts";

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
}

export function createChannels({ chain, amount, log }: ChannelsOptions): Channels {
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

  /** One at a time for each worker. */
  function inBackground(name: string, task: () => Promise<void>): void {
    if (pending.has(name)) return;
    const running = task()
      .catch((error: unknown) => log.error({ err: error, worker: name }, "channel not funded"))
      .finally(() => pending.delete(name));
    pending.set(name, running);
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
