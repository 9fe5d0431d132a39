/** A job as it lies in the database, back as values. */

import {
  ByteReader,
  type Delivery,
  type Message,
  type Order,
  orderStruct,
  type Receipt,
  receiptStruct,
} from "@assay/wire";
import type { JobRow } from "../store/schema.ts";

function readWhole<T>(bytes: Uint8Array, name: string, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(new Uint8Array(bytes), name);
  const value = read(reader);
  reader.end();
  return value;
}

export const storedOrder = (job: JobRow): Order =>
  readWhole(job.order_bytes, "stored order", (reader) => orderStruct.decode(reader));

/** The receipt and its signature, or undefined before there is one. */
export function storedReceipt(
  job: JobRow,
): { readonly receipt: Receipt; readonly signature: Uint8Array } | undefined {
  if (job.receipt_bytes === null || job.receipt_signature === null) return undefined;
  return {
    receipt: readWhole(job.receipt_bytes, "stored receipt", (r) => receiptStruct.decode(r)),
    signature: new Uint8Array(job.receipt_signature),
  };
}

/** What the client signed for the receipt's tokens, or undefined before there is a receipt. */
export function storedDelivery(
  job: JobRow,
): { readonly delivery: Delivery; readonly signature: Uint8Array } | undefined {
  const stored = storedReceipt(job);
  if (stored === undefined || job.delivery_signature === null) return undefined;
  const { orderHash, outputTokens, outputCommitment } = stored.receipt;
  return {
    delivery: { orderHash, outputTokens, outputCommitment },
    signature: new Uint8Array(job.delivery_signature),
  };
}

export function doneMessageOf(job: JobRow): Message | undefined {
  const stored = storedReceipt(job);
  return stored === undefined ? undefined : { type: "done", ...stored };
}
