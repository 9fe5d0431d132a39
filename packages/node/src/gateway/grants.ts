/**
 * Grants workers their pay: when receipts of theirs hold, a voucher for all orders before the first that is still
 * open (spec/05 §5.6). Its amount follows from the order book, so that a restart grants the same.
 */

import type { ChainReader } from "@assay/chain";
import { bytesToHex, RPC_CODES, signTyped, type Voucher, voucherHash } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Peer } from "../mesh/peers.ts";
import type { Database } from "../store/database.ts";
import type { Payer } from "./run-order.ts";

const ANSWER_TIMEOUT_MS = 10_000;
/** After a worker that still runs an order below, or does not answer. */
const AGAIN_MS = 1_000;

export interface Granter {
  /** Grants this worker what is due, in the background; nothing where nothing is new or it is not connected. */
  readonly grant: (worker: Uint8Array) => void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export interface GranterOptions {
  readonly database: Database;
  readonly chain: Pick<ChainReader, "channelOf">;
  readonly payer: Pick<Payer, "privateKey" | "address" | "domain">;
  readonly peerOf: (worker: Uint8Array) => Peer | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export function createGranter(options: GranterOptions): Granter {
  const { log, signal } = options;
  const running = new Map<string, Promise<void>>();
  /** Asked for again while one was under way. */
  const again = new Set<string>();

  async function run(worker: Uint8Array, name: string): Promise<void> {
    do {
      again.delete(name);
      if (signal.aborted) return;
      const outcome = await grantOnce(options, worker);
      if (outcome === "later") {
        const timer = setTimeout(() => grant(worker), AGAIN_MS);
        signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
      }
    } while (again.has(name));
  }

  function grant(worker: Uint8Array): void {
    const name = bytesToHex(worker);
    if (running.has(name)) {
      again.add(name);
      return;
    }
    const granting = run(worker, name)
      .catch((error: unknown) => log.error({ err: error, worker: name }, "no voucher was given"))
      .finally(() => running.delete(name));
    running.set(name, granting);
  }

  return {
    grant,
    async settled() {
      await Promise.all(running.values());
    },
  };
}

/** One voucher, if there is one to give. */
async function grantOnce(options: GranterOptions, worker: Uint8Array): Promise<"done" | "later"> {
  const { payer, database, log } = options;
  const peer = options.peerOf(worker);
  if (peer === undefined) return "done";
  const voucher = await nextVoucher(options, worker);
  if (voucher === undefined) return "done";
  const signature = signTyped(payer.privateKey, payer.domain, voucherHash(voucher));
  const call = peer.link.call({ type: "voucher", voucher, signature });
  try {
    const timeout = AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const answer = await call.next(timeout).catch(() => undefined);
    if (answer?.type === "ok") {
      await remember(database, voucher);
      return "done";
    }
    if (answer?.type === "fail" && answer.code !== RPC_CODES.busy) {
      const name = bytesToHex(worker);
      log.warn({ worker: name, reason: answer.text }, "a worker refused a voucher");
      return "done";
    }
    return "later";
  } finally {
    call.close();
  }
}

/** For all orders below the first open one; undefined if the last one went as far. */
async function nextVoucher(
  { database, chain, payer }: GranterOptions,
  worker: Uint8Array,
): Promise<Voucher | undefined> {
  const name = bytesToHex(worker);
  const before = (await grantedBefore(database, name)) ?? (await fromChain(chain, payer, worker));
  const orders = await database
    .selectFrom("orders")
    .select(["sequence", "state", "price"])
    .where("worker", "=", name)
    .where("sequence", ">=", before.settledBelow)
    .orderBy("sequence")
    .execute();
  const open = orders.findIndex(({ state }) => state === "placed" || state === "started");
  const settled = open < 0 ? orders : orders.slice(0, open);
  const owed = settled.reduce(
    (sum, { state, price }) => sum + (state === "verified" ? BigInt(price ?? "0") : 0n),
    0n,
  );
  const last = settled.at(-1);
  // A voucher that grants nothing more can wait for the next.
  if (last === undefined || owed === 0n) return undefined;
  return {
    client: payer.address,
    worker,
    settledBelow: BigInt(last.sequence) + 1n,
    amount: before.amount + owed,
  };
}

interface Granted {
  readonly settledBelow: number;
  readonly amount: bigint;
}

async function grantedBefore(database: Database, worker: string): Promise<Granted | undefined> {
  const row = await database
    .selectFrom("grants")
    .selectAll()
    .where("worker", "=", worker)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return { settledBelow: row.settled_below, amount: BigInt(row.amount) };
}

/** Where this database knows nothing: what the worker had from an earlier one. */
async function fromChain(
  chain: GranterOptions["chain"],
  payer: GranterOptions["payer"],
  worker: Uint8Array,
): Promise<Granted> {
  const { paid, settledBelow } = await chain.channelOf(payer.address, worker);
  return { settledBelow: Number(settledBelow), amount: paid };
}

async function remember(database: Database, voucher: Voucher): Promise<void> {
  const row = {
    worker: bytesToHex(voucher.worker),
    settled_below: Number(voucher.settledBelow),
    amount: voucher.amount.toString(),
  };
  await database
    .insertInto("grants")
    .values(row)
    .onConflict((conflict) => conflict.column("worker").doUpdateSet(row))
    .execute();
}
