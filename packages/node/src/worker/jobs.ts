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
const OUTSTANDING = ["accepted", "done", "granted", "posted", "published"] as const;
/** States in which a job has a receipt that its client owes, or has paid. */
const OWED = ["done", "granted", "posted", "published", "paid"] as const;

interface AcceptedJob {
  readonly orderHash: Uint8Array;
  readonly order: Order;
  readonly signature: Uint8Array;
  readonly workerNonce: Uint8Array;
  readonly outputSalt: Uint8Array;
}

interface FinishedJob {
  readonly orderHash: Uint8Array;
  readonly receipt: Receipt;
  readonly signature: Uint8Array;
  /** The client's, for all tokens of the receipt. */
  readonly deliverySignature: Uint8Array;
}

export interface Jobs {
  find(orderHash: Uint8Array): Promise<JobRow | undefined>;
  /** Whether a job of this client has the sequence. */
  isTaken(client: Uint8Array, sequence: bigint): Promise<boolean>;
  /** @throws when the order or its sequence is known already. */
  accept(job: AcceptedJob): Promise<void>;
  /** Records the one receipt of an order; false if the job is not waiting for one. */
  finish(job: FinishedJob): Promise<boolean>;
  fail(orderHash: Uint8Array): Promise<void>;
  /** Sum of the largest prices of a client's jobs that are neither paid nor over. */
  outstanding(client: Uint8Array): Promise<bigint>;
  /** What a client owes, or has paid, for its orders below a sequence; undefined while one of them runs. */
  owedBelow(client: Uint8Array, sequence: bigint): Promise<bigint | undefined>;
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
    async isTaken(client, sequence) {
      const row = await database
        .selectFrom("jobs")
        .select("order_hash")
        .where("client", "=", bytesToHex(client))
        .where("sequence", "=", Number(sequence))
        .executeTakeFirst();
      return row !== undefined;
    },
    async accept(job) {
      await database.insertInto("jobs").values(newRow(job)).execute();
    },
    async finish({ orderHash, receipt, signature, deliverySignature }) {
      const result = await database
        .updateTable("jobs")
        .set({
          state: "done",
          receipt_hash: bytesToHex(receiptHash(receipt)),
          receipt_bytes: receiptStruct.encode(receipt),
          receipt_signature: signature,
          delivery_signature: deliverySignature,
          price: receipt.price.toString(),
          finished_at: Date.now(),
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
    async failInterrupted() {
      const result = await database
        .updateTable("jobs")
        .set({ state: "failed" })
        .where("state", "=", "accepted")
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
    ...createAccounts(database),
  };
}

/** What clients owe, by their jobs. */
function createAccounts(database: Database): Pick<Jobs, "outstanding" | "owedBelow"> {
  return {
    async outstanding(client) {
      const rows = await database
        .selectFrom("jobs")
        .select(["max_price", "price"])
        .where("client", "=", bytesToHex(client))
        .where("state", "in", OUTSTANDING)
        .execute();
      return rows.reduce((sum, row) => sum + BigInt(row.price ?? row.max_price), 0n);
    },
    async owedBelow(client, sequence) {
      const rows = await database
        .selectFrom("jobs")
        .select(["state", "price"])
        .where("client", "=", bytesToHex(client))
        .where("sequence", "<", Number(sequence))
        .where("state", "in", ["accepted", ...OWED])
        .execute();
      if (rows.some(({ state }) => state === "accepted")) return undefined;
      return rows.reduce((sum, { price }) => sum + BigInt(price ?? "0"), 0n);
    },
  };
}

function newRow(job: AcceptedJob): JobRow {
  const { orderHash, order, signature, workerNonce, outputSalt } = job;
  return {
    order_hash: bytesToHex(orderHash),
    client: bytesToHex(order.client),
    sequence: Number(order.sequence),
    order_bytes: orderStruct.encode(order),
    order_signature: signature,
    worker_nonce: workerNonce,
    output_salt: outputSalt,
    max_price: largestPrice(order).toString(),
    state: "accepted",
    receipt_hash: null,
    receipt_bytes: null,
    receipt_signature: null,
    delivery_signature: null,
    price: null,
    batch_root: null,
    leaf_index: null,
    created_at: Date.now(),
    finished_at: null,
  };
}
