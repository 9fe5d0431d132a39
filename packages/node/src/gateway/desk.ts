/** The gateway's accounts: its orders, the receipts for them, what it grants for those that hold, and whom it tells of the others. */

import type { ChainClient } from "@assay/chain";
import { bytesToHex, ROLES } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Peer } from "../mesh/peers.ts";
import type { LoadedModel } from "../models.ts";
import type { Database } from "../store/database.ts";
import { createGranter } from "./grants.ts";
import { followLateReceipts } from "./late-receipts.ts";
import {
  createReceiptShelf,
  type OrderBook,
  openOrderBook,
  type ReceiptShelf,
} from "./order-book.ts";
import { startReporter } from "./reporter.ts";
import type { Payer } from "./run-order.ts";
import { loadStanding } from "./standing.ts";
import type { ReceiptJudge } from "./verify-answer.ts";

/** spec/04 §4.5. */
const PUBLICATION_WINDOWS = 4n;

export interface Desk {
  readonly book: OrderBook;
  readonly shelf: ReceiptShelf;
  readonly judge: ReceiptJudge;
  /** Hashes (hexadecimal) of the orders that are being run. */
  readonly running: Set<string>;
  /** To call for each peer that is met. */
  met(peer: Peer): void;
  /** Resolves when nothing is under way, after the signal. */
  done(): Promise<void>;
}

export interface DeskOptions {
  readonly database: Database;
  readonly chain: ChainClient;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly payer: Payer;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export async function openDesk(options: DeskOptions): Promise<Desk> {
  const { database, chain, models, payer, log, signal } = options;
  const book = await openOrderBook(database);
  await book.failInterrupted();
  const shelf = createReceiptShelf(database);
  const reporter = startReporter({ book: shelf, log, signal });
  const workers = createMet();
  const granter = createGranter({ database, chain, payer, peerOf: workers.find, log, signal });
  const judge: ReceiptJudge = {
    models,
    payer,
    book,
    standing: await loadStanding(database),
    report: reporter.report,
    settled: granter.grant,
    log,
  };
  const running = new Set<string>();
  const isRunning = (hash: Uint8Array): boolean => running.has(bytesToHex(hash));
  const late = followLateReceipts(
    { book, shelf, judge, chain, isRunning, log, signal },
    await firstBlock(chain),
  );
  return {
    book,
    shelf,
    judge,
    running,
    met(peer) {
      if ((peer.hello.roles & ROLES.worker) !== 0) {
        workers.add(peer);
        late.met(peer);
        granter.grant(peer.hello.address);
      }
      if ((peer.hello.roles & ROLES.verifier) !== 0) reporter.met(peer);
    },
    async done() {
      await Promise.all([reporter.done, granter.settled(), late.done]);
    },
  };
}

/** The workers that are connected, by address; known from the first HELLO on. */
function createMet() {
  const peers = new Map<string, Peer>();
  return {
    find: (worker: Uint8Array): Peer | undefined => peers.get(bytesToHex(worker)),
    add(peer: Peer): void {
      const name = bytesToHex(peer.hello.address);
      peers.set(name, peer);
      const forget = (): void => {
        if (peers.get(name)?.link === peer.link) peers.delete(name);
      };
      peer.link.closed.then(forget, forget);
    },
  };
}

/** A receipt that was published before this one can be challenged no more. */
async function firstBlock(chain: ChainClient): Promise<bigint> {
  const [head, window] = await Promise.all([chain.blockNumber(), chain.windowBlocks()]);
  const back = PUBLICATION_WINDOWS * window;
  return head > back ? head - back : 0n;
}
