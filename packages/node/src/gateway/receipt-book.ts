/** The gateway's orders and receipts. What a client has seen is on disk before it sees it. */

import { bytesToHex, orderHash, type ReceiptFile, receiptHash } from "@assay/wire";
import type { Database } from "../store/database.ts";

export interface ReceiptBook {
  placed(orderHash: Uint8Array, worker: Uint8Array): Promise<void>;
  failed(orderHash: Uint8Array, reason: string): Promise<void>;
  received(
    file: ReceiptFile,
    bytes: Uint8Array,
    verified: boolean,
    reason: string | null,
  ): Promise<void>;
  /** The receipt file with this id (hexadecimal, no prefix). */
  find(id: string): Promise<Uint8Array | undefined>;
  /** Files that do not hold and that no verifier has answered for, the oldest first. */
  unreported(limit: number): Promise<readonly StoredReceipt[]>;
  reported(id: string): Promise<void>;
}

interface StoredReceipt {
  readonly id: string;
  readonly file: Uint8Array;
}

export function createReceiptBook(database: Database): ReceiptBook {
  return {
    async placed(orderHash, worker) {
      await database
        .insertInto("orders")
        .values({
          order_hash: bytesToHex(orderHash),
          worker: bytesToHex(worker),
          state: "placed",
          reason: null,
          receipt_hash: null,
          created_at: Date.now(),
        })
        .execute();
    },
    async failed(orderHash, reason) {
      await database
        .updateTable("orders")
        .set({ state: "failed", reason })
        .where("order_hash", "=", bytesToHex(orderHash))
        .where("state", "=", "placed")
        .execute();
    },
    async received(file, bytes, verified, reason) {
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
          .set({ state: verified ? "verified" : "rejected", reason, receipt_hash: receipt })
          .where("order_hash", "=", order)
          .execute();
      });
    },
    async find(id) {
      const row = await database
        .selectFrom("receipts")
        .select("file")
        .where("receipt_hash", "=", id)
        .executeTakeFirst();
      return row === undefined ? undefined : new Uint8Array(row.file);
    },
    ...createOutbox(database),
  };
}

function createOutbox(database: Database): Pick<ReceiptBook, "unreported" | "reported"> {
  return {
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
