/**
 * Tables of all roles; each role uses its own. Hashes and addresses are lower-case hex without 0x,
 * amounts are decimal text (128 bits do not fit SQLite's integer), times are Unix milliseconds.
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

/** Append only: a released migration never changes. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE jobs (
     order_hash TEXT PRIMARY KEY,
     client TEXT NOT NULL,
     order_bytes BLOB NOT NULL,
     order_signature BLOB NOT NULL,
     worker_nonce BLOB NOT NULL,
     max_price TEXT NOT NULL,
     state TEXT NOT NULL,
     receipt_hash TEXT UNIQUE,
     receipt_bytes BLOB,
     receipt_signature BLOB,
     output_salt BLOB,
     price TEXT,
     batch_root TEXT,
     leaf_index INTEGER,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX jobs_by_state ON jobs (state);
   CREATE TABLE batches (
     root TEXT PRIMARY KEY,
     count INTEGER NOT NULL,
     total TEXT NOT NULL,
     state TEXT NOT NULL
   ) STRICT;
   CREATE TABLE orders (
     order_hash TEXT PRIMARY KEY,
     worker TEXT NOT NULL,
     state TEXT NOT NULL,
     reason TEXT,
     receipt_hash TEXT,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE receipts (
     receipt_hash TEXT PRIMARY KEY,
     order_hash TEXT NOT NULL,
     worker TEXT NOT NULL,
     file BLOB NOT NULL,
     verified INTEGER NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE evidence (
     receipt_hash TEXT PRIMARY KEY,
     worker TEXT NOT NULL,
     file BLOB NOT NULL,
     fraud INTEGER NOT NULL,
     reason TEXT,
     challenge_id TEXT,
     state TEXT NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT`,
  "ALTER TABLE receipts ADD COLUMN reported INTEGER NOT NULL DEFAULT 0",
  // Vouchers and publications in place of claims: orders of before belong to contracts of before.
  `DROP TABLE jobs;
   DROP TABLE batches;
   CREATE TABLE jobs (
     order_hash TEXT PRIMARY KEY,
     client TEXT NOT NULL,
     sequence INTEGER NOT NULL,
     order_bytes BLOB NOT NULL,
     order_signature BLOB NOT NULL,
     worker_nonce BLOB NOT NULL,
     output_salt BLOB NOT NULL,
     max_price TEXT NOT NULL,
     state TEXT NOT NULL,
     receipt_hash TEXT UNIQUE,
     receipt_bytes BLOB,
     receipt_signature BLOB,
     delivery_signature BLOB,
     price TEXT,
     batch_root TEXT,
     leaf_index INTEGER,
     created_at INTEGER NOT NULL,
     finished_at INTEGER,
     UNIQUE (client, sequence)
   ) STRICT;
   CREATE INDEX jobs_by_state ON jobs (state);
   CREATE INDEX jobs_by_batch ON jobs (batch_root);
   CREATE TABLE batches (
     root TEXT PRIMARY KEY,
     count INTEGER NOT NULL,
     vouchers BLOB NOT NULL,
     state TEXT NOT NULL
   ) STRICT;
   CREATE TABLE vouchers (
     client TEXT PRIMARY KEY,
     settled_below INTEGER NOT NULL,
     voucher BLOB NOT NULL,
     signature BLOB NOT NULL
   ) STRICT;
   ALTER TABLE orders ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE orders ADD COLUMN price TEXT;
   ALTER TABLE orders ADD COLUMN draft BLOB;
   ALTER TABLE orders ADD COLUMN output BLOB;
   CREATE INDEX orders_by_worker ON orders (worker, sequence);
   CREATE TABLE grants (
     worker TEXT PRIMARY KEY,
     settled_below INTEGER NOT NULL,
     amount TEXT NOT NULL
   ) STRICT`,
];
