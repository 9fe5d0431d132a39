/**
 * Gets a worker's receipts paid: posts them in batches, waits out the window, claims, withdraws.
 *
 * Every step is taken from what the database and the chain say, so that a restart at any moment goes on
 * where it was: a batch is written down before it is posted, and a posted one is recognised by its content.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type Batch, type ChainClient, ChainError, type SignedReceipt } from "@assay/chain";
import { bytesToHex, hexToBytes, merkleRoot } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Database } from "../store/database.ts";
import type { JobRow } from "../store/schema.ts";
import { storedOrder, storedReceipt } from "./stored-receipt.ts";

/** Receipts in one batch; a claim of each must fit one transaction of 2^24 gas at about 120 k gas. */
const MAX_BATCH = 64;
const POLL_MS = 100;
const MAX_RETRY_MS = 5_000;

export interface Settler {
  /** There is a new receipt. */
  wake(): void;
  /** Runs until the signal aborts. */
  readonly done: Promise<void>;
}

export interface SettlerOptions {
  readonly database: Database;
  readonly chain: ChainClient;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export function startSettler(options: SettlerOptions): Settler {
  const { signal, log, database } = options;
  const calls = new EventTarget();
  const wake = (): void => {
    calls.dispatchEvent(new Event("wake"));
  };
  signal.addEventListener("abort", wake, { once: true });
  async function run(): Promise<void> {
    let delay = POLL_MS;
    while (!signal.aborted) {
      // From before the round, so that a receipt that comes during it is not slept over.
      const woken = new Promise<void>((resolve) => {
        calls.addEventListener("wake", () => resolve(), { once: true });
      });
      let open = true;
      try {
        await settleOnce(options);
        open = await hasOpen(database);
        delay = POLL_MS;
      } catch (error) {
        log.warn({ err: error }, "settlement will be tried again");
        delay = Math.min(2 * delay, MAX_RETRY_MS);
      }
      if (signal.aborted) return;
      const due = open ? [sleep(delay, undefined, { signal }).catch(() => undefined)] : [];
      await Promise.race([woken, ...due]);
    }
  }
  return { wake, done: run() };
}

/** Whether a receipt is on its way to its pay; without one the chain need not be asked. */
async function hasOpen(database: Database): Promise<boolean> {
  const job = await database
    .selectFrom("jobs")
    .select("order_hash")
    .where("state", "=", "done")
    .executeTakeFirst();
  const batch = await database
    .selectFrom("batches")
    .select("root")
    .where("state", "in", ["new", "posted"])
    .executeTakeFirst();
  return job !== undefined || batch !== undefined;
}

/** One round: everything that can be done now. @throws what kept a batch from being posted, after the rest. */
export async function settleOnce(options: SettlerOptions): Promise<void> {
  await makeBatch(options);
  // A worker whose stake is gone cannot post any more, and is still owed what it has posted.
  const [posting] = await Promise.allSettled([postBatches(options)]);
  const claimed = await claimBatches(options);
  // Also after a crash between a claim and its withdrawal.
  if (claimed || (await hasClaimed(options.database))) await withdrawCredit(options);
  if (posting.status === "rejected") throw posting.reason;
}

/** Writes down the next batch from receipts that are in none. */
async function makeBatch({ database }: SettlerOptions): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const jobs = await transaction
      .selectFrom("jobs")
      .selectAll()
      .where("state", "=", "done")
      .orderBy("created_at")
      .limit(MAX_BATCH)
      .execute();
    if (jobs.length === 0) return;
    const batch = batchOf(jobs);
    const root = bytesToHex(merkleRoot(batch.leaves));
    await transaction
      .insertInto("batches")
      .values({
        root,
        count: jobs.length,
        total: batch.total.toString(),
        state: "new",
      })
      .execute();
    for (const [index, job] of jobs.entries()) {
      await transaction
        .updateTable("jobs")
        .set({ state: "posted", batch_root: root, leaf_index: index })
        .where("order_hash", "=", job.order_hash)
        .execute();
    }
  });
}

async function batchesIn(database: Database, state: "new" | "posted") {
  return database.selectFrom("batches").selectAll().where("state", "=", state).execute();
}

const jobsOf = (database: Database, root: string): Promise<JobRow[]> =>
  database
    .selectFrom("jobs")
    .selectAll()
    .where("batch_root", "=", root)
    .orderBy("leaf_index")
    .execute();

async function postBatches({ database, chain, log }: SettlerOptions): Promise<void> {
  for (const row of await batchesIn(database, "new")) {
    const batch = batchOf(await jobsOf(database, row.root));
    // Posted before a crash that came before we noted it.
    if ((await chain.claimableFrom(chain.address, batch)) === undefined) {
      const posted = await chain.postBatch(batch);
      log.info({ batch: row.root, receipts: row.count, tx: posted.hash }, "posted a batch");
    }
    await database
      .updateTable("batches")
      .set({ state: "posted" })
      .where("root", "=", row.root)
      .execute();
  }
}

/** Claims what can be claimed; true if anything was. */
async function claimBatches(options: SettlerOptions): Promise<boolean> {
  const { database, chain } = options;
  let any = false;
  for (const row of await batchesIn(database, "posted")) {
    const jobs = await jobsOf(database, row.root);
    const batch = batchOf(jobs);
    const from = await chain.claimableFrom(chain.address, batch);
    if (from === undefined) {
      // The chain forgot it (a reorganisation, or a restart from an older state): post again.
      await setBatch(database, row.root, "new");
      continue;
    }
    if ((await chain.blockNumber()) + 1n < from) continue;
    any = (await claimJobs(options, batch, jobs)) || any;
    const open = await database
      .selectFrom("jobs")
      .select("order_hash")
      .where("batch_root", "=", row.root)
      .where("state", "=", "posted")
      .executeTakeFirst();
    if (open === undefined) await setBatch(database, row.root, "claimed");
  }
  return any;
}

async function setBatch(database: Database, root: string, state: "new" | "claimed"): Promise<void> {
  await database.updateTable("batches").set({ state }).where("root", "=", root).execute();
}

async function claimJobs(
  { database, chain, log }: SettlerOptions,
  batch: Batch,
  jobs: readonly JobRow[],
): Promise<boolean> {
  const claimable: SignedReceipt[] = [];
  for (const job of jobs) {
    if (job.state !== "posted") continue;
    const state = await chain.orderState(hexToBytes(job.order_hash));
    if (state === "claimed" || state === "void") await setJob(database, job.order_hash, state);
    else if (state === "open") claimable.push(signedReceiptOf(job));
  }
  if (claimable.length === 0) return false;
  try {
    const claimed = await chain.claim(batch, claimable);
    log.info(
      {
        receipts: claimable.length,
        tx: claimed.claim.hash,
        withdrawal: claimed.withdrawal.hash,
      },
      "claimed and withdrew pay",
    );
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    // One that cannot be claimed yet (an empty channel, a new window) must not hold up the others.
    log.warn({ err: error }, "claiming one by one");
    return claimOneByOne(chain, batch, claimable, log);
  }
  return true;
}

async function claimOneByOne(
  chain: ChainClient,
  batch: Batch,
  receipts: readonly SignedReceipt[],
  log: Logger,
): Promise<boolean> {
  let any = false;
  for (const signed of receipts) {
    try {
      await chain.claim(batch, [signed]);
      any = true;
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      log.warn({ err: error }, "a receipt cannot be claimed now");
    }
  }
  return any;
}

async function setJob(
  database: Database,
  orderHash: string,
  state: "claimed" | "void",
): Promise<void> {
  await database.updateTable("jobs").set({ state }).where("order_hash", "=", orderHash).execute();
}

async function hasClaimed(database: Database): Promise<boolean> {
  const row = await database
    .selectFrom("jobs")
    .select("order_hash")
    .where("state", "=", "claimed")
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function withdrawCredit({ chain, log }: SettlerOptions): Promise<void> {
  const withdrawn = await chain.withdraw();
  if (withdrawn === undefined) return;
  log.info({ amount: withdrawn.amount.toString(), tx: withdrawn.hash }, "withdrew pay");
}

function signedReceiptOf(job: JobRow): SignedReceipt {
  const stored = storedReceipt(job);
  if (stored === undefined) throw new Error(`job ${job.order_hash} has no receipt`);
  return {
    order: storedOrder(job),
    orderSignature: new Uint8Array(job.order_signature),
    receipt: stored.receipt,
    receiptSignature: stored.signature,
  };
}

function batchOf(jobs: readonly JobRow[]): Batch {
  return {
    leaves: jobs.map((job) => {
      if (job.receipt_hash === null) throw new Error(`job ${job.order_hash} has no receipt`);
      return hexToBytes(job.receipt_hash);
    }),
    total: jobs.reduce((sum, job) => sum + BigInt(job.price ?? "0"), 0n),
  };
}
