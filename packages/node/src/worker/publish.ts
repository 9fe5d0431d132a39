/** Receipts whose client gives no voucher: published, and paid when their time has passed (spec/04 §4.5). */

import { type ChainClient, ChainError } from "@assay/chain";
import { hexToBytes } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Database } from "../store/database.ts";
import type { JobRow } from "../store/schema.ts";
import type { SignedByWorker } from "./cheats.ts";
import { storedDelivery, storedOrder, storedReceipt } from "./stored-receipt.ts";

interface PublishOptions {
  readonly database: Database;
  readonly chain: ChainClient;
  readonly log: Logger;
}

/** Errors of the contract after which a receipt can never be published. */
const FINAL = [
  "OrderSettled",
  "OrderVoid",
  "OrderPaid",
  "AlreadyPublished",
  "OrderHashMismatch",
  "WorkerMismatch",
  "SignatureInvalid",
];

/** One round. @throws the first problem, after the rest: one receipt must not hold up another. */
export async function settlePublications(
  options: PublishOptions,
  patienceMs: number,
): Promise<void> {
  const problems: unknown[] = [];
  for (const job of await jobsIn(options.database, "done")) {
    if ((job.finished_at ?? 0) + patienceMs > Date.now()) continue;
    await publishJob(options, job).catch((error: unknown) => problems.push(error));
  }
  for (const job of await jobsIn(options.database, "published")) {
    await payJob(options, job).catch((error: unknown) => problems.push(error));
  }
  if (problems.length > 0) throw problems[0];
}

const jobsIn = (database: Database, state: "done" | "published"): Promise<JobRow[]> =>
  database
    .selectFrom("jobs")
    .selectAll()
    .where("state", "=", state)
    .orderBy("finished_at")
    .limit(64)
    .execute();

/** Publishes what `job` holds, or `instead` for the same order. */
export async function publishReceipt(
  chain: ChainClient,
  job: JobRow,
  instead?: SignedByWorker,
): Promise<string> {
  const stored = storedReceipt(job);
  const delivered = storedDelivery(job);
  if (stored === undefined || delivered === undefined) {
    throw new Error(`job ${job.order_hash} has no receipt to publish`);
  }
  const { receipt, signature } = instead ?? stored;
  const published = await chain.publish(
    {
      order: storedOrder(job),
      orderSignature: new Uint8Array(job.order_signature),
      receipt,
      receiptSignature: signature,
    },
    delivered.delivery,
    delivered.signature,
  );
  return published.hash;
}

async function publishJob({ database, chain, log }: PublishOptions, job: JobRow): Promise<void> {
  try {
    // Published before a crash that came before we noted it.
    if ((await chain.publicationOf(hexToBytes(job.order_hash))) === undefined) {
      const tx = await publishReceipt(chain, job);
      log.warn({ receipt: job.receipt_hash, tx }, "no voucher came: published the receipt");
    }
    await setJob(database, job, "published");
  } catch (error) {
    if (!isFinal(error)) throw error;
    log.error({ err: error, receipt: job.receipt_hash }, "a receipt can never be paid");
    await setJob(database, job, "void");
  }
}

async function payJob({ database, chain, log }: PublishOptions, job: JobRow): Promise<void> {
  const hash = hexToBytes(job.order_hash);
  const [state, publication] = await Promise.all([
    chain.orderState(hash),
    chain.publicationOf(hash),
  ]);
  if (state === "paid" || state === "void") return setJob(database, job, state);
  // The chain forgot it: publish again.
  if (publication === undefined) return setJob(database, job, "done");
  if (state === "contested" || (await chain.blockNumber()) + 1n < publication.payableFrom) return;
  const stored = storedReceipt(job);
  if (stored === undefined) throw new Error(`job ${job.order_hash} has no receipt`);
  try {
    const paid = await chain.payPublished(storedOrder(job), stored.receipt);
    log.info({ receipt: job.receipt_hash, tx: paid.hash }, "a published receipt was paid");
    await setJob(database, job, "paid");
  } catch (error) {
    if (isFinal(error) || isReverted(error, ["ChannelIsForfeited", "NotPublished"])) {
      log.error({ err: error, receipt: job.receipt_hash }, "a published receipt is not paid");
      return setJob(database, job, "void");
    }
    // A channel that is held or empty pays later.
    if (!(error instanceof ChainError)) throw error;
    log.warn({ err: error, receipt: job.receipt_hash }, "a published receipt cannot be paid now");
  }
}

const isFinal = (error: unknown): boolean => isReverted(error, FINAL);

const isReverted = (error: unknown, reasons: readonly string[]): boolean =>
  error instanceof ChainError &&
  error.detail.code === "CHAIN_REVERTED" &&
  reasons.includes(error.detail.reason.split("(")[0] ?? "");

async function setJob(
  database: Database,
  { order_hash, state: before }: JobRow,
  state: JobRow["state"],
): Promise<void> {
  await database
    .updateTable("jobs")
    .set({ state })
    .where("order_hash", "=", order_hash)
    // A voucher may have come meanwhile.
    .where("state", "=", before)
    .execute();
}
