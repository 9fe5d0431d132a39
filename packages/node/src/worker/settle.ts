/**
 * Gets a worker's receipts paid. Those that a voucher covers in batches: posts them, waits out the window, redeems
 * the vouchers. Those that their client gave no voucher for, one by one: publishes them, waits, has them paid.
 *
 * Every step is taken from what the database and the chain say, so that a restart at any moment goes on
 * where it was: a batch is written down before it is posted, and a posted one is recognised by its content.
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  type Batch,
  type ChainClient,
  ChainError,
  type Channel,
  paidTowards,
  pollMsOf,
  type SignedVoucher,
} from "@assay/chain";
import { bytesToHex, hexToBytes, merkleRoot, type Voucher } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Database } from "../store/database.ts";
import type { JobRow } from "../store/schema.ts";
import { settlePublications } from "./publish.ts";
import { decodeVouchers, encodeVouchers, latestVouchers } from "./vouchers.ts";

/** Receipts in one batch: what one transaction of the database marks. */
const MAX_BATCH = 1_024;
/** Clients in one batch: a voucher of each must fit one transaction of 2^24 gas at about 30 k gas. */
const MAX_VOUCHERS = 256;
const MAX_RETRY_MS = 5_000;
/** How long a client may take to give a voucher before its receipt is published. */
const VOUCHER_PATIENCE_MS = 30_000;

export interface Settler {
  /** There is a new receipt, or a new voucher. */
  wake(): void;
  /** Runs until the signal aborts. */
  readonly done: Promise<void>;
}

export interface SettlerOptions {
  readonly database: Database;
  readonly chain: ChainClient;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** VOUCHER_PATIENCE_MS when absent. */
  readonly voucherPatienceMs?: number;
}

export function startSettler(options: SettlerOptions): Settler {
  const { signal, log, database, chain } = options;
  const pollMs = 2 * pollMsOf(chain.network);
  const calls = new EventTarget();
  const wake = (): void => {
    calls.dispatchEvent(new Event("wake"));
  };
  signal.addEventListener("abort", wake, { once: true });
  async function run(): Promise<void> {
    let delay = pollMs;
    while (!signal.aborted) {
      const round = new AbortController();
      // From before the round, so that a receipt that comes during it is not slept over.
      const woken = new Promise<void>((resolve) => {
        calls.addEventListener("wake", () => resolve(), { once: true, signal: round.signal });
      });
      let open = true;
      try {
        await settleOnce(options);
        open = await hasOpen(database);
        delay = pollMs;
      } catch (error) {
        log.warn({ err: error }, "settlement will be tried again");
        delay = Math.min(2 * delay, MAX_RETRY_MS);
      }
      if (signal.aborted) return round.abort();
      const due = open ? [sleep(delay, undefined, { signal }).catch(() => undefined)] : [];
      await Promise.race([woken, ...due]);
      round.abort();
    }
  }
  return { wake, done: run() };
}

/** Whether a receipt is on its way to its pay; without one the chain need not be asked. */
async function hasOpen(database: Database): Promise<boolean> {
  const job = await database
    .selectFrom("jobs")
    .select("order_hash")
    .where("state", "in", ["done", "granted", "published"])
    .executeTakeFirst();
  const batch = await database
    .selectFrom("batches")
    .select("root")
    .where("state", "in", ["new", "posted"])
    .executeTakeFirst();
  return job !== undefined || batch !== undefined;
}

/** One round: everything that can be done now. @throws the first problem, after the rest. */
export async function settleOnce(options: SettlerOptions): Promise<void> {
  await makeBatch(options);
  // A worker whose stake is gone cannot post any more, and is still owed what it has posted.
  const outcomes = await Promise.allSettled([postBatches(options)]);
  outcomes.push(...(await Promise.allSettled([payBatches(options)])));
  const patience = options.voucherPatienceMs ?? VOUCHER_PATIENCE_MS;
  outcomes.push(...(await Promise.allSettled([settlePublications(options, patience)])));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Writes down the next batch from receipts that are granted, and the vouchers that grant them. */
async function makeBatch({ database }: SettlerOptions): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const granted = await transaction
      .selectFrom("jobs")
      .selectAll()
      .where("state", "=", "granted")
      .orderBy("client")
      .orderBy("sequence")
      .limit(MAX_BATCH)
      .execute();
    const clients = [...new Set(granted.map(({ client }) => client))].slice(0, MAX_VOUCHERS);
    const jobs = granted.filter(({ client }) => clients.includes(client));
    if (jobs.length === 0) return;
    const root = bytesToHex(merkleRoot(leavesOf(jobs)));
    await transaction
      .insertInto("batches")
      .values({
        root,
        count: jobs.length,
        vouchers: encodeVouchers(await latestVouchers(transaction, clients)),
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

interface StoredBatch extends Batch {
  readonly root: string;
  readonly jobs: readonly JobRow[];
}

async function batchesIn(database: Database, state: "new" | "posted"): Promise<StoredBatch[]> {
  const rows = await database
    .selectFrom("batches")
    .selectAll()
    .where("state", "=", state)
    .execute();
  return Promise.all(
    rows.map(async ({ root, vouchers }) => {
      const jobs = await database
        .selectFrom("jobs")
        .selectAll()
        .where("batch_root", "=", root)
        .orderBy("leaf_index")
        .execute();
      return { root, jobs, leaves: leavesOf(jobs), vouchers: decodeVouchers(vouchers) };
    }),
  );
}

async function postBatches({ database, chain, log }: SettlerOptions): Promise<void> {
  for (const batch of await batchesIn(database, "new")) {
    // Posted before a crash that came before we noted it.
    if ((await chain.payableFrom(chain.address, batch)) === undefined) {
      const posted = await chain.postBatch(batch);
      log.info(
        { batch: batch.root, receipts: batch.jobs.length, tx: posted.hash },
        "posted a batch",
      );
    }
    await setBatch(database, batch.root, "posted");
  }
}

async function payBatches(options: SettlerOptions): Promise<void> {
  const { database, chain } = options;
  for (const batch of await batchesIn(database, "posted")) {
    const from = await chain.payableFrom(chain.address, batch);
    if (from === undefined) {
      // The chain forgot it (a reorganisation, or a restart from an older state): post again.
      await setBatch(database, batch.root, "new");
      continue;
    }
    if ((await chain.blockNumber()) + 1n < from) continue;
    await payBatch(options, batch);
  }
}

async function payBatch({ database, chain, log }: SettlerOptions, batch: StoredBatch) {
  if ((await dueOf(chain, batch)).some(({ state }) => state === "payable")) {
    const paid = await chain.payBatch(batch).catch((error: unknown) => {
      // A reorganisation may have moved the window: it will be tried again.
      if (!(error instanceof ChainError)) throw error;
      log.warn({ err: error, batch: batch.root }, "a batch cannot be paid now");
    });
    if (paid === undefined) return;
    log.info({ batch: batch.root, receipts: batch.jobs.length, tx: paid.hash }, "was paid");
  }
  const due = await dueOf(chain, batch);
  for (const { client, state } of due) {
    if (state === "paid" || state === "void") {
      await setJobs(database, batch.root, client, state);
    }
  }
  if (due.every(({ state }) => state === "paid" || state === "void")) {
    await setBatch(database, batch.root, "paid");
  }
}

/** What each voucher of the batch can bring now. */
async function dueOf(
  chain: ChainClient,
  { vouchers }: { readonly vouchers: readonly SignedVoucher[] },
) {
  const next = (await chain.blockNumber()) + 1n;
  return Promise.all(
    vouchers.map(async ({ voucher }) => {
      const channel = await chain.channelOf(voucher.client, voucher.worker);
      return { client: bytesToHex(voucher.client), state: stateOf(channel, voucher, next) };
    }),
  );
}

function stateOf(
  channel: Channel,
  voucher: Voucher,
  next: bigint,
): "paid" | "void" | "payable" | "waiting" {
  if (paidTowards(channel, voucher) >= voucher.amount) return "paid";
  if (channel.forfeited) return "void";
  // Contested receipts hold it, for one window longer than their case, or it is empty until the client fills it.
  const held = channel.holds > 0 || next < channel.payableFrom;
  return held || channel.balance === 0n ? "waiting" : "payable";
}

async function setBatch(
  database: Database,
  root: string,
  state: "new" | "posted" | "paid",
): Promise<void> {
  await database.updateTable("batches").set({ state }).where("root", "=", root).execute();
}

async function setJobs(
  database: Database,
  root: string,
  client: string,
  state: "paid" | "void",
): Promise<void> {
  await database
    .updateTable("jobs")
    .set({ state })
    .where("batch_root", "=", root)
    .where("client", "=", client)
    .where("state", "=", "posted")
    .execute();
}

const leavesOf = (jobs: readonly JobRow[]): Uint8Array[] =>
  jobs.map((job) => {
    if (job.receipt_hash === null) throw new Error(`job ${job.order_hash} has no receipt`);
    return hexToBytes(job.receipt_hash);
  });
