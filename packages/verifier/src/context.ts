/** What the caller knows and expects, and how a program is re-executed. */

import type { Sampling } from "@assay/wire";
import type { Check } from "./verdict.ts";

/** Facts of the program that will re-execute, from the caller's own copy of it. */
export interface ProgramFacts {
  readonly root: Uint8Array;
  /** Positions it can process. */
  readonly context: number;
  /** Tokens are 0 … vocab − 1. */
  readonly vocab: number;
  readonly endTokens: readonly number[];
}

/** What the caller asked for, and of whom. What is left out is not compared, and the verdict says so. */
export interface Expected {
  readonly chainId?: bigint;
  readonly settlement?: Uint8Array;
  readonly client?: Uint8Array;
  readonly worker?: Uint8Array;
  /** Of the order that was signed: without it, a receipt of an earlier order for the same request passes. */
  readonly orderHash?: Uint8Array;
  /** Of the acceptance that came before the client's nonce was revealed. */
  readonly workerNonce?: Uint8Array;
  readonly prompt?: readonly number[];
  readonly maxTokens?: number;
  readonly sampling?: Sampling;
  /** Null: no explicit seed was asked for, so it has to come from both nonces. */
  readonly clientSeed?: bigint | null;
  /** Whether the client itself stopped the answer. False: an answer cut short is not what was asked. */
  readonly cut?: boolean;
}

export interface VerifyContext {
  readonly program: ProgramFacts;
  /** The root that the client pinned, if it did. */
  readonly pinnedRoot?: Uint8Array;
  readonly expected?: Expected;
  /** The latest time it can be, in Unix seconds: the caller's clock and what it allows for skew. */
  readonly now?: bigint;
  /** Hears of each check as it is done, in order: for whoever shows a verdict while it is computed. */
  readonly onCheck?: (check: Check) => void;
}

export interface Task {
  /** At least one token. */
  readonly prompt: readonly number[];
  /** At least one token. With the prompt, at most one more than the program's context. */
  readonly output: readonly number[];
  readonly sampling: Sampling;
  readonly seed: Uint8Array;
}

export interface Execution {
  /** For each token of the output, the one that the program chooses in its place. */
  readonly chosen: readonly number[];
  /** Of prompt ‖ output without its last token (spec/02 §2.7). */
  readonly traceRoot: Uint8Array;
}

/** Runs the program of the context in one pass over prompt ‖ output without its last token. */
export type Execute = (task: Task) => Execution;
