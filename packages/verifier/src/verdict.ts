/** The verdict as a value: what was checked, what it proves, and what had to be taken on trust. */

import type { OrderFault, ReceiptFile } from "@assay/wire";

/** Why a check failed; a vector in `vectors/receipt-file.json` provokes each. */
export type Reason =
  | "FORMAT_INVALID"
  | "CHAIN_UNEXPECTED"
  | "SETTLEMENT_UNEXPECTED"
  | "ORDER_UNEXPECTED"
  | "ORDER_SIGNATURE_MALFORMED"
  | "ORDER_SIGNER_WRONG"
  | "CLIENT_UNEXPECTED"
  | "ACCEPTANCE_SIGNATURE_MALFORMED"
  | "ACCEPTANCE_SIGNER_WRONG"
  | "WORKER_NONCE_UNEXPECTED"
  | "RECEIPT_SIGNATURE_MALFORMED"
  | "RECEIPT_SIGNER_WRONG"
  | "WORKER_UNEXPECTED"
  | "ORDER_HASH_MISMATCH"
  | "PROGRAM_ROOT_MISMATCH"
  | "WORKER_MISMATCH"
  | "INPUT_COMMITMENT_MISMATCH"
  | "PROMPT_TOKENS_MISMATCH"
  | "PROGRAM_WRONG"
  | "PROGRAM_NOT_PINNED"
  | "PROMPT_COUNT_WRONG"
  | "PROMPT_NOT_OPENED"
  | "PROMPT_UNEXPECTED"
  | "OUTPUT_COUNT_WRONG"
  | "OUTPUT_NOT_OPENED"
  | "NONCE_NOT_OPENED"
  | "CLIENT_SEED_UNEXPECTED"
  | "SEED_WRONG"
  | OrderFault
  | "SAMPLING_UNEXPECTED"
  | "MAX_TOKENS_UNEXPECTED"
  | "OUTPUT_EMPTY"
  | "OUTPUT_ABOVE_LIMIT"
  | "TOKEN_OUTSIDE_VOCABULARY"
  | "END_TOKEN_EARLY"
  | "STOP_WITHOUT_END_TOKEN"
  | "LENGTH_WITH_END_TOKEN"
  | "LENGTH_BELOW_LIMIT"
  | "CUT_UNEXPECTED"
  | "CUT_WITH_END_TOKEN"
  | "CUT_AT_LIMIT"
  | "PRICE_WRONG"
  | "COMPLETED_LATE"
  | "COMPLETED_IN_FUTURE"
  | "TOKEN_WRONG"
  | "TRACE_WRONG";

/** The checks of spec/03 §3.5. */
export type CheckNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12;

export interface CheckTitle {
  readonly number: CheckNumber;
  readonly name: string;
  /** What it proves if it passes. */
  readonly proves: string;
}

export interface Failure {
  readonly reason: Reason;
  /** For people: what was found, and what was expected. */
  readonly message: string;
}

export type Outcome =
  | { readonly status: "PASS" }
  | ({ readonly status: "FAIL" } & Failure)
  /** Not carried out, because the checks in `needs` did not pass. */
  | { readonly status: "SKIP"; readonly needs: readonly CheckNumber[] };

export type Check = CheckTitle & Outcome;

/** What the verdict rests on beside the checks. */
export type FactCode =
  | "SEED_FROM_BOTH"
  | "SEED_FROM_CLIENT"
  | "WORKER_NONCE_TRUSTED"
  | "PROMPT_EXPECTED"
  | "PROMPT_RENDERING_TRUSTED"
  | "REQUEST_TRUSTED"
  | "CUT_BY_CLIENT"
  | "CUT_TRUSTED"
  | "PROGRAM_PINNED"
  | "PROGRAM_NOT_PINNED"
  | "ORDER_EXPECTED"
  | "ORDER_TRUSTED"
  | "PARTIES_FROM_FILE"
  | "SETTLEMENT_FROM_FILE"
  | "TIME_NOT_CHECKED";

export interface Fact {
  readonly code: FactCode;
  readonly text: string;
}

export interface Verdict {
  /** Whether every check passed. */
  readonly ok: boolean;
  /** Of the first check that failed. */
  readonly reason: Reason | null;
  /** All twelve, in order. */
  readonly checks: readonly Check[];
  readonly assurance: readonly Fact[];
  /** Null if the bytes are no receipt file. */
  readonly receiptHash: Uint8Array | null;
  readonly file: ReceiptFile | null;
}
