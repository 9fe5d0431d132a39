/** The gateway's verdict on a receipt for an order of its own: all that it asked for stands in the order. */

import type { Verdict } from "@assay/verifier";
import {
  bytesToHex,
  encodeReceiptFile,
  orderHash,
  type ReceiptFile,
  receiptHash,
} from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { LoadedModel } from "../models.ts";
import { failureOf, verifyWith } from "../verifier/judge.ts";
import type { Standing } from "./answer.ts";
import type { OrderBook } from "./order-book.ts";
import type { Payer } from "./run-order.ts";

/** How far a worker's clock may be ahead of ours. */
const CLOCK_SKEW_SECONDS = 300;

export interface ReceiptJudge {
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly payer: Pick<Payer, "domain" | "address">;
  readonly book: Pick<OrderBook, "received">;
  readonly standing: Standing;
  /** There is a receipt file that does not hold. */
  readonly report: () => void;
  /** The worker has earned something, or an order of its is out of the way. */
  readonly settled: (worker: Uint8Array) => void;
  readonly log: Logger;
}

export interface Judged {
  readonly file: ReceiptFile;
  readonly bytes: Uint8Array;
  readonly verdict: Verdict;
}

/**
 * Verifies, stores, and on failure bans the worker and hands the evidence on.
 *
 * @param cut whether the answer may be shorter than ordered, because this side stopped it
 */
export async function judgeReceipt(
  judge: ReceiptJudge,
  file: ReceiptFile,
  cut: boolean,
): Promise<Judged> {
  const bytes = encodeReceiptFile(file);
  const verdict = verifyOwn(judge, file, bytes, cut);
  const reason = verdict.ok ? null : failureOf(verdict);
  await judge.book.received(file, bytes, verdict.ok, reason);
  const { worker } = file.order;
  if (reason !== null) {
    const receipt = bytesToHex(receiptHash(file.receipt));
    judge.log.warn({ worker: bytesToHex(worker), receipt, reason }, "receipt does not hold");
    judge.standing.ban(worker);
    judge.report();
  }
  judge.settled(worker);
  return { file, bytes, verdict };
}

function verifyOwn(
  { models, payer }: ReceiptJudge,
  file: ReceiptFile,
  bytes: Uint8Array,
  cut: boolean,
): Verdict {
  const { order, workerNonce } = file;
  const model = models.get(bytesToHex(order.programRoot));
  if (model === undefined) throw new Error("the model of an order is not loaded");
  const expected = {
    client: payer.address,
    worker: order.worker,
    orderHash: orderHash(order),
    workerNonce,
    prompt: file.prompt,
    cut,
  };
  const now = BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS);
  return verifyWith(bytes, model, payer.domain, expected, now);
}
