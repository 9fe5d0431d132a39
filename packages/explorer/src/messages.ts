/** What the page and its worker thread say to each other. */

import type { Check, Fact, Reason } from "@assay/verifier";

export const TAMPERINGS = ["answer", "price", "trace", "bit"] as const;
/** What is changed in a receipt file, to see it fail. */
export type Tampering = (typeof TAMPERINGS)[number];

export interface AskJob {
  readonly type: "ask";
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number | undefined;
  readonly apiKey: string | undefined;
}

export interface TamperJob {
  readonly type: "tamper";
  readonly tampering: Tampering;
}

export interface VerifyJob {
  readonly type: "verify";
  readonly file: Uint8Array;
  /** A program file, where the user gave one or the page holds one. */
  readonly program: Uint8Array | undefined;
  /** Hexadecimal, where the user pins one. */
  readonly pinnedRoot: string | undefined;
  readonly apiKey: string | undefined;
}

export type Job = AskJob | TamperJob | VerifyJob;

/** A verdict as the page shows it. */
export interface Summary {
  readonly ok: boolean;
  readonly reason: Reason | null;
  readonly assurance: readonly Fact[];
  readonly receiptId: string | null;
  /** The text of the receipt's prompt and output tokens; null where the file cannot be read or no program is there. */
  readonly prompt: string | null;
  readonly answer: string | null;
  readonly worker: string | null;
  readonly programRoot: string | null;
  readonly chainId: string | null;
  /** In base units of the network's token. */
  readonly price: string | null;
  readonly tokens: { readonly prompt: number; readonly output: number } | null;
  /** False where the gateway showed another text than the receipt's. */
  readonly faithful: boolean;
  /** Of the checks alone. */
  readonly milliseconds: number;
}

export type News =
  /** The program is there, and its root was computed here. */
  | {
      readonly type: "program";
      readonly root: string;
      readonly source: string;
      readonly bytes: number;
      readonly milliseconds: number;
    }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tampered"; readonly change: string }
  | { readonly type: "receipt"; readonly file: Uint8Array }
  | { readonly type: "check"; readonly check: Check; readonly milliseconds: number }
  | { readonly type: "verdict"; readonly summary: Summary }
  | { readonly type: "paid"; readonly amount: string; readonly block: string }
  | { readonly type: "failed"; readonly message: string };

export interface Envelope<T> {
  readonly id: number;
  readonly content: T;
}
