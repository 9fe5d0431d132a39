/**
 * What the gateway keeps of an order before there is a receipt: with it, it can complete the receipt file of a
 * receipt that comes late, over a new connection, or from the chain.
 */

import {
  ByteReader,
  decodeReceiptFile,
  encodeReceiptFile,
  type Receipt,
  type ReceiptFile,
  SIGNATURE_BYTES,
} from "@assay/wire";
import type { OrderRow } from "../store/schema.ts";

/** A receipt file without what the receipt brings. */
export type Draft = Omit<ReceiptFile, "receipt" | "receiptSignature" | "output">;

const ZEROS = new Uint8Array(32);

/** In the receipt's place while there is none. */
const BLANK: Receipt = {
  orderHash: ZEROS,
  programRoot: ZEROS,
  worker: new Uint8Array(20),
  seed: ZEROS,
  inputCommitment: ZEROS,
  outputCommitment: ZEROS,
  promptTokens: 0,
  outputTokens: 0,
  finishReason: 1,
  price: 0n,
  completedAt: 0n,
  traceRoot: ZEROS,
};

export const encodeDraft = (draft: Draft): Uint8Array =>
  encodeReceiptFile({
    ...draft,
    receipt: BLANK,
    receiptSignature: new Uint8Array(SIGNATURE_BYTES),
    output: [],
  });

/** The draft of a stored order, and the output tokens that were acknowledged; undefined before its start. */
export function storedDraft(
  row: OrderRow,
): { readonly draft: Draft; readonly output: readonly number[] } | undefined {
  if (row.draft === null) return undefined;
  const {
    receipt: _blank,
    receiptSignature: _none,
    ...draft
  } = decodeReceiptFile(new Uint8Array(row.draft));
  return { draft, output: row.output === null ? [] : readTokens(row.output) };
}

function readTokens(bytes: Uint8Array): number[] {
  const reader = new ByteReader(new Uint8Array(bytes), "stored tokens");
  return Array.from({ length: bytes.length / 4 }, () => reader.u32("token"));
}

/** The receipt file, as far as the tokens that the receipt counts are known. */
export const completeDraft = (
  draft: Draft,
  output: readonly number[],
  receipt: Receipt,
  receiptSignature: Uint8Array,
): ReceiptFile => ({
  ...draft,
  receipt,
  receiptSignature,
  output: output.slice(0, receipt.outputTokens),
});
