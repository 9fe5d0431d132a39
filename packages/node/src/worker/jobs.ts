/** The worker's jobs in its database. Hashes are hexadecimal text here, bytes outside. */

import type { Receipt } from "@assay/wire";
import {
  bytesToHex,
  largestPrice,
  type Order,
  orderStruct,
  receiptHash,
  receiptStruct,
} from "@assay/wire";
import type { Database } from "../store/database.ts";
import type { JobRow } from "../store/schema.ts";

/** States in which a job may still cost its client something. */
const OUTSTANDING = ["accepted", "done", "posted"] as const;

interface AcceptedJob {
  readonly orderHash: Uint8Array;
  readonly order: Order;
  readonly signature: Uint8Array;
  readonly workerNonce: Uint8Array;
}

interface FinishedJob {
  readonly orderHash: Uint8Array;
  readonly receipt: Receipt;
  readonly signature: Uint8Array;
  readonly outputSalt: Uint8Array;
}

export interface Jobs {
  find(orderHash: Uint8Array): Promise<JobRow | undefined>;
  /** @throws when the order is known already. */
  accept(job: AcceptedJob): Promise<void>;
  /** Records the one receipt of an order; false if the job is not waiting for one. */
  finish(job: FinishedJob): Promise<boolean>;
  fail(orderHash: Uint8Array): Promise<void>;
  /** Sum of the largest prices of a client's jobs that are neither paid nor over. */
  outstanding(client: Uint8Array): Promise<bigint>;
  /** Jobs that a crash left accepted, without a receipt, are over: no receipt was ever sent. */
  failInterrupted(): Promise<number>;
}

export function createJobs(database: Database): Jobs {
  return {
    find: (orderHash) =>
      database
        .selectFrom("jobs")
        .selectAll()
        .where("order_hash", "=", bytesToHex(orderHash))
        .executeTakeFirst(),
    async accept(job) {
      await database.insertInto("jobs").values(newRow(job)).execute();
    },
    async finish({ orderHash, receipt, signature, outputSalt }) {
      const result = await database
        .updateTable("jobs")
        .set({
          state: "done",
          receipt_hash: bytesToHex(receiptHash(receipt)),
          receipt_bytes: receiptStruct.encode(receipt),
          receipt_signature: signature,
          output_salt: outputSalt,
          price: receipt.price.toString(),
        })
        .where("order_hash", "=", bytesToHex(orderHash))
        .where("state", "=", "accepted")
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async fail(orderHash) {
      await database
        .updateTable("jobs")
        .set({ state: "failed" })
        .where("order_hash", "=", bytesToHex(orderHash))
        .where("state", "=", "accepted")
        .execute();
    },
    async outstanding(client) {
      const rows = await database
        .selectFrom("jobs")
        .select(["max_price", "price"])
        .where("client", "=", bytesToHex(client))
        .where("state", "in", OUTSTANDING)
        .execute();
      return rows.reduce((sum, row) => sum + BigInt(row.price ?? row.max_price), 0n);
    },
    async failInterrupted() {
      const result = await database
        .updateTable("jobs")
        .set({ state: "failed" })
        .where("state", "=", "accepted")
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
  };
}

function newRow({ orderHash, order, signature, workerNonce }: AcceptedJob): JobRow {
  return {
    order_hash: bytesToHex(orderHash),
    client: bytesToHex(order.client),
    order_bytes: orderStruct.encode(order),
    order_signature: signature,
    worker_nonce: workerNonce,
    max_price: largestPrice(order).toString(),
    state: "accepted",
    receipt_hash: null,
    receipt_bytes: null,
    receipt_signature: null,
    output_salt: null,
    price: null,
    batch_root: null,
    leaf_index: null,
    created_at: Date.now(),
  };
}
