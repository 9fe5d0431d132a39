/**
 * Receipts that did not come where they were due: over a new connection, by asking again for the same order; or
 * from the chain, where a worker has published one. Each is judged like any other.
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  type ChainClient,
  followPublications,
  type PublishedReceipt,
  pollMsOf,
} from "@assay/chain";
import {
  bytesToHex,
  decodeReceiptFile,
  equalBytes,
  type Message,
  orderHash,
  RPC_CODES,
  receiptHash,
} from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Peer } from "../mesh/peers.ts";
import type { OrderRow } from "../store/schema.ts";
import { completeDraft, storedDraft } from "./draft.ts";
import { type OrderBook, orderHashOf, type ReceiptShelf } from "./order-book.ts";
import { judgeReceipt, type ReceiptJudge } from "./verify-answer.ts";

const ANSWER_TIMEOUT_MS = 5_000;
const AGAIN_MS = 1_000;
/** A worker cannot sign after the order's deadline; what it has signed, it shows within this. */
const GRACE_SECONDS = 60n;

export interface LateReceiptsOptions {
  readonly book: OrderBook;
  readonly shelf: ReceiptShelf;
  readonly judge: ReceiptJudge;
  readonly chain: ChainClient;
  /** Orders that are being run now need nobody else's care. */
  readonly isRunning: (orderHash: Uint8Array) => boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface LateReceipts {
  /** To call when a worker is met: asks it again for what it owes us. */
  met(worker: Peer): void;
  readonly done: Promise<void>;
}

export function followLateReceipts(options: LateReceiptsOptions, fromBlock: bigint): LateReceipts {
  const { log, signal } = options;
  const asking = new Map<string, Promise<void>>();
  const following = followPublications(options.chain, {
    fromBlock,
    pollMs: 2 * pollMsOf(options.chain.network),
    onPublished: (published) => takePublished(options, published),
    onError: (error) => log.warn({ err: error }, "publications will be read again"),
    signal,
  });
  return {
    met(worker) {
      const name = bytesToHex(worker.hello.address);
      if (asking.has(name)) return;
      const running = askAll(options, worker)
        .catch((error: unknown) => {
          if (!signal.aborted) log.error({ err: error, worker: name }, "late receipts are missing");
        })
        .finally(() => asking.delete(name));
      asking.set(name, running);
    },
    done: following.then(async () => {
      await Promise.all(asking.values());
    }),
  };
}

/** Until no order of this worker is unresolved, or it is gone. */
async function askAll(options: LateReceiptsOptions, worker: Peer): Promise<void> {
  let isGone = false;
  worker.link.closed.then(
    () => {
      isGone = true;
    },
    () => undefined,
  );
  while (!isGone && !options.signal.aborted) {
    const rows = await options.book.unresolved(worker.hello.address);
    const late = rows.filter((row) => !options.isRunning(orderHashOf(row)));
    if (late.length === 0) return;
    for (const row of late) await askAgain(options, worker, row);
    await sleep(AGAIN_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** The same offer again: the worker answers with the same DONE, or that there is none. */
async function askAgain(options: LateReceiptsOptions, worker: Peer, row: OrderRow): Promise<void> {
  const stored = storedDraft(row);
  if (stored === undefined) return;
  const { order, orderSignature } = stored.draft;
  const call = worker.link.call({ type: "offer", order, signature: orderSignature });
  try {
    const timeout = AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const answer = await call.next(timeout).catch(() => undefined);
    if (answer?.type === "done") {
      const { receipt, signature } = answer;
      await judgeReceipt(
        options.judge,
        completeDraft(stored.draft, stored.output, receipt, signature),
        true,
      );
    } else if (isOver(answer, order.deadline)) {
      if (answer?.type === "accept") call.send({ type: "cancel" });
      await options.book.failed(orderHashOf(row), "the worker has no receipt for it");
      options.judge.settled(order.worker);
    }
  } finally {
    call.close();
  }
}

/** Whether there will be no receipt any more. */
function isOver(answer: Message | undefined, deadline: bigint): boolean {
  if (answer?.type === "accept") return true;
  if (answer?.type === "refuse" && answer.code === RPC_CODES.invalidOrder) return true;
  return BigInt(Math.floor(Date.now() / 1_000)) > deadline + GRACE_SECONDS;
}

/** A receipt on chain for an order of ours: checked like one that was handed over, and against that one. */
async function takePublished(
  options: LateReceiptsOptions,
  { client, receipt, signature }: PublishedReceipt,
): Promise<void> {
  const { chain, book, shelf, judge, log } = options;
  if (!equalBytes(client, chain.address)) return;
  const row = await book.find(receipt.orderHash);
  const stored = row === undefined ? undefined : storedDraft(row);
  if (stored === undefined) {
    log.error({ order: bytesToHex(receipt.orderHash) }, "a receipt for an unknown order of ours");
    return;
  }
  const hash = receiptHash(receipt);
  const files = (await shelf.ofOrder(receipt.orderHash)).map(decodeReceiptFile);
  const known = files.some((file) => equalBytes(receiptHash(file.receipt), hash));
  if (known) return;
  const [other] = files;
  if (other !== undefined && equalBytes(orderHash(other.order), receipt.orderHash)) {
    await proveTwo(options, other, { receipt, signature });
    return;
  }
  log.warn(
    { receipt: bytesToHex(hash) },
    "a worker published a receipt that it had not handed out",
  );
  await judgeReceipt(judge, completeDraft(stored.draft, stored.output, receipt, signature), true);
}

/** Two receipts for one order are fraud by themselves (spec/04 §4.6). */
async function proveTwo(
  { chain, judge, log }: LateReceiptsOptions,
  first: ReturnType<typeof decodeReceiptFile>,
  second: Pick<PublishedReceipt, "receipt" | "signature">,
): Promise<void> {
  judge.standing.ban(first.order.worker);
  if ((await chain.orderState(orderHash(first.order))) === "void") return;
  const proven = await chain.proveEquivocation(
    first.order,
    { receipt: first.receipt, signature: first.receiptSignature },
    second,
  );
  const worker = bytesToHex(first.order.worker);
  log.warn({ worker, tx: proven.hash }, "proved two receipts for one order");
}
