/** The gateway's orders and receipts. What a client has seen is on disk before it sees it. */

import {
  bytesToHex,
  hexToBytes,
  orderHash,
  type ReceiptFile,
  receiptHash,
  tokenBytes,
} from "@assay/wire";
import type { Database } from "../store/database.ts";
import type { OrderRow } from "../store/schema.ts";

export interface OrderBook {
  /** The next free sequence of the channel to this worker. */
  readonly nextSequence: (worker: Uint8Array) => bigint;
  placed(order: PlacedOrder): Promise<void>;
  /** Before the prompt goes out: from here on the worker may have a receipt. */
  started(orderHash: Uint8Array, draft: Uint8Array): Promise<void>;
  /** Before a Delivery goes out: the worker can publish a receipt for these tokens, and we must be able to check it. */
  delivered(orderHash: Uint8Array, output: readonly number[]): Promise<void>;
  /** The worker is gone or silent: nothing is owed if nothing was acknowledged; else it may have a receipt. */
  lost(orderHash: Uint8Array, reason: string): Promise<void>;
  /** Nothing is owed for it. */
  failed(orderHash: Uint8Array, reason: string): Promise<void>;
  received(
    file: ReceiptFile,
    bytes: Uint8Array,
    verified: boolean,
    reason: string | null,
  ): Promise<void>;
  find(orderHash: Uint8Array): Promise<OrderRow | undefined>;
  /** Orders whose worker may have a receipt that we do not. */
  unresolved(worker: Uint8Array): Promise<readonly OrderRow[]>;
  /** The latest orders, the newest first. */
  latest(limit: number): Promise<readonly OrderRow[]>;
  /** Orders that a crash left before their prompt was out are over. */
  failInterrupted(): Promise<void>;
}

interface PlacedOrder {
  readonly hash: Uint8Array;
  readonly worker: Uint8Array;
  readonly sequence: bigint;
}

export interface ReceiptShelf {
  /** The receipt file with this id (hexadecimal, no prefix). */
  find(id: string): Promise<Uint8Array | undefined>;
  /** The files of an order: one, unless its worker signed two. */
  ofOrder(orderHash: Uint8Array): Promise<readonly Uint8Array[]>;
  /** Files that do not hold and that no verifier has answered for, the oldest first. */
  unreported(limit: number): Promise<readonly StoredReceipt[]>;
  reported(id: string): Promise<void>;
}

interface StoredReceipt {
  readonly id: string;
  readonly file: Uint8Array;
}

const OPEN = ["placed", "started"] as const;

export async function openOrderBook(database: Database): Promise<OrderBook> {
  return {
    nextSequence: await loadSequences(database),
    async placed({ hash, worker, sequence }) {
      await database
        .insertInto("orders")
        .values({
          order_hash: bytesToHex(hash),
          worker: bytesToHex(worker),
          sequence: Number(sequence),
          state: "placed",
          reason: null,
          receipt_hash: null,
          price: null,
          draft: null,
          output: null,
          created_at: Date.now(),
        })
        .execute();
    },
    async started(hash, draft) {
      await database
        .updateTable("orders")
        .set({ state: "started", draft })
        .where("order_hash", "=", bytesToHex(hash))
        .where("state", "=", "placed")
        .execute();
    },
    async delivered(hash, output) {
      await database
        .updateTable("orders")
        .set({ output: tokenBytes(output) })
        .where("order_hash", "=", bytesToHex(hash))
        .execute();
    },
    ...createEnds(database),
    received: (file, bytes, verified, reason) => receive(database, file, bytes, verified, reason),
    find: (hash) =>
      database
        .selectFrom("orders")
        .selectAll()
        .where("order_hash", "=", bytesToHex(hash))
        .executeTakeFirst(),
    latest: (limit) =>
      database
        .selectFrom("orders")
        .selectAll()
        .orderBy("created_at", "desc")
        .limit(limit)
        .execute(),
    unresolved: (worker) =>
      database
        .selectFrom("orders")
        .selectAll()
        .where("worker", "=", bytesToHex(worker))
        .where("state", "=", "started")
        .orderBy("sequence")
        .execute(),
  };
}

/** How an order ends without a receipt that is owed. */
function createEnds(database: Database): Pick<OrderBook, "lost" | "failed" | "failInterrupted"> {
  return {
    async lost(hash, reason) {
      await database
        .updateTable("orders")
        .set({ state: "failed", reason })
        .where("order_hash", "=", bytesToHex(hash))
        .where("state", "in", OPEN)
        .where("output", "is", null)
        .execute();
    },
    async failed(hash, reason) {
      await database
        .updateTable("orders")
        .set({ state: "failed", reason })
        .where("order_hash", "=", bytesToHex(hash))
        .where("state", "in", OPEN)
        .execute();
    },
    async failInterrupted() {
      await database
        .updateTable("orders")
        .set({ state: "failed", reason: "interrupted before the prompt was sent" })
        .where("state", "=", "placed")
        .execute();
    },
  };
}

/**
 * Rising also where the database was lost and the worker remembers: by the clock, in milliseconds, and one more
 * than the last within one.
 */
async function loadSequences(database: Database): Promise<OrderBook["nextSequence"]> {
  const rows = await database
    .selectFrom("orders")
    .select(["worker", (select) => select.fn.max("sequence").as("sequence")])
    .groupBy("worker")
    .execute();
  const last = new Map(rows.map(({ worker, sequence }) => [worker, BigInt(sequence)]));
  return (worker) => {
    const name = bytesToHex(worker);
    const after = (last.get(name) ?? -1n) + 1n;
    const byClock = BigInt(Date.now());
    const sequence = after > byClock ? after : byClock;
    last.set(name, sequence);
    return sequence;
  };
}

async function receive(
  database: Database,
  file: ReceiptFile,
  bytes: Uint8Array,
  verified: boolean,
  reason: string | null,
): Promise<void> {
  const receipt = bytesToHex(receiptHash(file.receipt));
  const order = bytesToHex(orderHash(file.order));
  await database.transaction().execute(async (transaction) => {
    await transaction
      .insertInto("receipts")
      .values({
        receipt_hash: receipt,
        order_hash: order,
        worker: bytesToHex(file.order.worker),
        file: bytes,
        verified: verified ? 1 : 0,
        created_at: Date.now(),
      })
      .onConflict((conflict) => conflict.column("receipt_hash").doNothing())
      .execute();
    await transaction
      .updateTable("orders")
      .set({
        state: verified ? "verified" : "rejected",
        reason,
        receipt_hash: receipt,
        price: file.receipt.price.toString(),
      })
      .where("order_hash", "=", order)
      // What was verified stays so: another receipt for the same order is another matter.
      .where("state", "!=", "verified")
      .execute();
  });
}

export function createReceiptShelf(database: Database): ReceiptShelf {
  return {
    async find(id) {
      const row = await database
        .selectFrom("receipts")
        .select("file")
        .where("receipt_hash", "=", id)
        .executeTakeFirst();
      return row === undefined ? undefined : new Uint8Array(row.file);
    },
    async ofOrder(hash) {
      const rows = await database
        .selectFrom("receipts")
        .select("file")
        .where("order_hash", "=", bytesToHex(hash))
        .execute();
      return rows.map(({ file }) => new Uint8Array(file));
    },
    async unreported(limit) {
      const rows = await database
        .selectFrom("receipts")
        .select(["receipt_hash", "file"])
        .where("verified", "=", 0)
        .where("reported", "=", 0)
        .orderBy("created_at")
        .limit(limit)
        .execute();
      return rows.map((row) => ({ id: row.receipt_hash, file: new Uint8Array(row.file) }));
    },
    async reported(id) {
      await database
        .updateTable("receipts")
        .set({ reported: 1 })
        .where("receipt_hash", "=", id)
        .execute();
    },
  };
}

export const orderHashOf = (row: OrderRow): Uint8Array => hexToBytes(row.order_hash);
