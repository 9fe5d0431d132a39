/**
 * Tables of all roles; each role uses its own. Hashes and addresses are lower-case hex without 0x,
 * amounts are decimal text (128 bits do not fit SQLite's integer), times are Unix milliseconds.
 */

import type { Generated } from "kysely";

export interface Schema {
  jobs: JobRow;
  batches: BatchRow;
  orders: OrderRow;
  receipts: ReceiptRow;
  evidence: EvidenceRow;
}

/** A worker's job. `receipt` is written in the same statement as state "done": an order gets one receipt, ever. */
export interface JobRow {
  order_hash: string;
  client: string;
  order_bytes: Uint8Array;
  order_signature: Uint8Array;
  worker_nonce: Uint8Array;
  max_price: string;
  state: "accepted" | "done" | "failed" | "posted" | "claimed" | "void";
  receipt_hash: string | null;
  receipt_bytes: Uint8Array | null;
  receipt_signature: Uint8Array | null;
  output_salt: Uint8Array | null;
  price: string | null;
  batch_root: string | null;
  leaf_index: number | null;
  created_at: number;
}

/** A worker's batch of receipts on chain. */
interface BatchRow {
  root: string;
  count: number;
  total: string;
  state: "new" | "posted" | "claimed";
}

/** An order that the gateway placed, and what became of it. */
interface OrderRow {
  order_hash: string;
  worker: string;
  state: "placed" | "verified" | "rejected" | "failed";
  reason: string | null;
  receipt_hash: string | null;
  created_at: number;
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
];
