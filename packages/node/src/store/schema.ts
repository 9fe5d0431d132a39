/**
 * Tables of all roles; each role uses its own. Hashes and addresses are lower-case hex without 0x,
 * amounts are decimal text (128 bits do not fit an integer column), times are Unix milliseconds.
 */

import type { Generated } from "kysely";

export interface Schema {
  jobs: JobRow;
  batches: BatchRow;
  vouchers: VoucherRow;
  orders: OrderRow;
  grants: GrantRow;
  receipts: ReceiptRow;
  evidence: EvidenceRow;
}

/**
 * A worker's job. `receipt` is written in the same statement as state "done": an order gets one receipt, ever.
 *
 * accepted → done → granted → posted → paid: the client's voucher covers it, and a batch was posted.
 *              └──→ published → paid: the client gave none. Or void: fraud was found.
 */
export interface JobRow {
  order_hash: string;
  client: string;
  sequence: number;
  order_bytes: Uint8Array;
  order_signature: Uint8Array;
  worker_nonce: Uint8Array;
  output_salt: Uint8Array;
  max_price: string;
  state: "accepted" | "done" | "failed" | "granted" | "posted" | "published" | "paid" | "void";
  receipt_hash: string | null;
  receipt_bytes: Uint8Array | null;
  receipt_signature: Uint8Array | null;
  /** The client's, of the Delivery of all of the receipt's tokens. */
  delivery_signature: Uint8Array | null;
  price: string | null;
  batch_root: string | null;
  leaf_index: number | null;
  created_at: number;
  /** When the receipt was signed. */
  finished_at: number | null;
}

/** A worker's batch of receipts on chain. */
interface BatchRow {
  root: string;
  count: number;
  /** Vouchers with their signatures, 129 bytes each. */
  vouchers: Uint8Array;
  state: "new" | "posted" | "paid";
}

/** The latest voucher that a worker has of a client. */
interface VoucherRow {
  client: string;
  settled_below: number;
  voucher: Uint8Array;
  signature: Uint8Array;
}

/**
 * An order that the gateway placed, and what became of it. `placed`: offered. `started`: the prompt is out, and the
 * worker may have a receipt. `verified` is owed its price, the others nothing.
 */
export interface OrderRow {
  order_hash: string;
  worker: string;
  sequence: number;
  state: "placed" | "started" | "verified" | "rejected" | "failed";
  reason: string | null;
  receipt_hash: string | null;
  /** Base units, once there is a receipt. */
  price: string | null;
  /** A receipt file with a blank receipt and without output: all that was disclosed or received at the start. */
  draft: Uint8Array | null;
  /** u32 little-endian each: the tokens that the last signed Delivery is about. */
  output: Uint8Array | null;
  created_at: number;
}

/** What the gateway has granted a worker by vouchers so far. */
interface GrantRow {
  worker: string;
  settled_below: number;
  amount: string;
}

/** A receipt file that the gateway holds for its clients. */
interface ReceiptRow {
  receipt_hash: string;
  order_hash: string;
  worker: string;
  file: Uint8Array;
  verified: number;
  /** Whether a verifier has taken in, or finally refused, a file that does not hold. */
  reported: Generated<number>;
  created_at: number;
}

/** A receipt file that a verifier judged. */
export interface EvidenceRow {
  receipt_hash: string;
  worker: string;
  file: Uint8Array;
  fraud: number;
  reason: string | null;
  challenge_id: string | null;
  state: "checked" | "challenged" | "upheld" | "dismissed";
  created_at: number;
}
