/**
 * Receipts: a worker's signed statement that it ran one order (spec/03 §3.1).
 */

import { address, bytes32, u8Of, u32, u64, u128 } from "./field.ts";
import { type Struct, struct } from "./struct.ts";

/** 1: an end token. 2: as many tokens as the order allows. 3: the client wanted no more. */
export const FINISH_REASONS = { stop: 1, length: 2, cut: 3 } as const;

export type FinishReason = (typeof FINISH_REASONS)[keyof typeof FINISH_REASONS];

/** Hashes and roots have 32 bytes, addresses 20. */
export interface Receipt {
  readonly orderHash: Uint8Array;
  readonly programRoot: Uint8Array;
  readonly worker: Uint8Array;
  readonly seed: Uint8Array;
  readonly inputCommitment: Uint8Array;
  readonly outputCommitment: Uint8Array;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly finishReason: FinishReason;
  /** Token base units. */
  readonly price: bigint;
  /** Unix seconds. */
  readonly completedAt: bigint;
  readonly traceRoot: Uint8Array;
}

export const receiptStruct: Struct<Receipt> = struct("Receipt", {
  orderHash: bytes32,
  programRoot: bytes32,
  worker: address,
  seed: bytes32,
  inputCommitment: bytes32,
  outputCommitment: bytes32,
  promptTokens: u32,
  outputTokens: u32,
  finishReason: u8Of<FinishReason>(FINISH_REASONS.stop, FINISH_REASONS.length, FINISH_REASONS.cut),
  price: u128,
  completedAt: u64,
  traceRoot: bytes32,
});

/** The receipt's id and its leaf in a batch. @throws {RangeError} for a receipt that has no encoding. */
export function receiptHash(receipt: Receipt): Uint8Array {
  return receiptStruct.hash(receipt);
}
