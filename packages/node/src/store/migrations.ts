/** How the tables of all roles came to be, in both kinds of database. */

/** What the same column, or table, is called there. */
export interface Words {
  /** Of 64 bits. */
  readonly integer: string;
  readonly blob: string;
  /** After a table's closing parenthesis: columns hold what they say. */
  readonly strict: string;
}

/** Append only: a released migration never changes. */
export const migrations = ({ integer, blob, strict }: Words): readonly string[] => [
  `CREATE TABLE jobs (
     order_hash TEXT PRIMARY KEY,
     client TEXT NOT NULL,
     order_bytes ${blob} NOT NULL,
     order_signature ${blob} NOT NULL,
     worker_nonce ${blob} NOT NULL,
     max_price TEXT NOT NULL,
     state TEXT NOT NULL,
     receipt_hash TEXT UNIQUE,
     receipt_bytes ${blob},
     receipt_signature ${blob},
     output_salt ${blob},
     price TEXT,
     batch_root TEXT,
     leaf_index ${integer},
     created_at ${integer} NOT NULL
   )${strict};
   CREATE INDEX jobs_by_state ON jobs (state);
   CREATE TABLE batches (
     root TEXT PRIMARY KEY,
     count ${integer} NOT NULL,
     total TEXT NOT NULL,
     state TEXT NOT NULL
   )${strict};
   CREATE TABLE orders (
     order_hash TEXT PRIMARY KEY,
     worker TEXT NOT NULL,
     state TEXT NOT NULL,
     reason TEXT,
     receipt_hash TEXT,
     created_at ${integer} NOT NULL
   )${strict};
   CREATE TABLE receipts (
     receipt_hash TEXT PRIMARY KEY,
     order_hash TEXT NOT NULL,
     worker TEXT NOT NULL,
     file ${blob} NOT NULL,
     verified ${integer} NOT NULL,
     created_at ${integer} NOT NULL
   )${strict};
   CREATE TABLE evidence (
     receipt_hash TEXT PRIMARY KEY,
     worker TEXT NOT NULL,
     file ${blob} NOT NULL,
     fraud ${integer} NOT NULL,
     reason TEXT,
     challenge_id TEXT,
     state TEXT NOT NULL,
     created_at ${integer} NOT NULL
   )${strict}`,
  `ALTER TABLE receipts ADD COLUMN reported ${integer} NOT NULL DEFAULT 0`,
  // Vouchers and publications in place of claims: orders of before belong to contracts of before.
  `DROP TABLE jobs;
   DROP TABLE batches;
   CREATE TABLE jobs (
     order_hash TEXT PRIMARY KEY,
     client TEXT NOT NULL,
     sequence ${integer} NOT NULL,
     order_bytes ${blob} NOT NULL,
     order_signature ${blob} NOT NULL,
     worker_nonce ${blob} NOT NULL,
     output_salt ${blob} NOT NULL,
     max_price TEXT NOT NULL,
     state TEXT NOT NULL,
     receipt_hash TEXT UNIQUE,
     receipt_bytes ${blob},
     receipt_signature ${blob},
     delivery_signature ${blob},
     price TEXT,
     batch_root TEXT,
     leaf_index ${integer},
     created_at ${integer} NOT NULL,
     finished_at ${integer},
     UNIQUE (client, sequence)
   )${strict};
   CREATE INDEX jobs_by_state ON jobs (state);
   CREATE INDEX jobs_by_batch ON jobs (batch_root);
   CREATE TABLE batches (
     root TEXT PRIMARY KEY,
     count ${integer} NOT NULL,
     vouchers ${blob} NOT NULL,
     state TEXT NOT NULL
   )${strict};
   CREATE TABLE vouchers (
     client TEXT PRIMARY KEY,
     settled_below ${integer} NOT NULL,
     voucher ${blob} NOT NULL,
     signature ${blob} NOT NULL
   )${strict};
   ALTER TABLE orders ADD COLUMN sequence ${integer} NOT NULL DEFAULT 0;
   ALTER TABLE orders ADD COLUMN price TEXT;
   ALTER TABLE orders ADD COLUMN draft ${blob};
   ALTER TABLE orders ADD COLUMN output ${blob};
   CREATE INDEX orders_by_worker ON orders (worker, sequence);
   CREATE TABLE grants (
     worker TEXT PRIMARY KEY,
     settled_below ${integer} NOT NULL,
     amount TEXT NOT NULL
   )${strict}`,
];

/** @throws where the database was written by a newer program */
export function checkVersion(version: number, known: number): void {
  if (version <= known) return;
  throw new Error(
    `this database is at version ${version}, newer than this program (${known}); update Assay`,
  );
}
