/** Brings the frauds in the evidence book to court, each until the contract has taken or finally refused it. */

import { setTimeout as sleep } from "node:timers/promises";
import { type ChainClient, ChainError } from "@assay/chain";
import { decodeReceiptFile, orderHash } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { LoadedModel } from "../models.ts";
import type { EvidenceRow } from "../store/schema.ts";
import type { EvidenceBook } from "./evidence.ts";
import { judge } from "./judge.ts";

const RETRY_MS = 500;

/** Errors of the contract that end the matter: the receipt is paid already, or void already. */
const FINAL = ["OrderPaid", "OrderSettled", "OrderVoid", "AlreadyChallenged"];

export interface Challenger {
  /** There is a new fraud in the book. */
  wake(): void;
  readonly done: Promise<void>;
}

export interface ChallengerOptions {
  readonly book: EvidenceBook;
  readonly chain: Pick<ChainClient, "domain" | "orderState" | "challenge">;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts; what the last run left in the book is taken up first. */
export function startChallenger(options: ChallengerOptions): Challenger {
  const { signal, log } = options;
  const wake = new EventTarget();
  signal.addEventListener("abort", () => wake.dispatchEvent(new Event("wake")), { once: true });
  const pause = (): Promise<void> => sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  async function run(): Promise<void> {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake.addEventListener("wake", () => resolve(), { once: true });
      });
      try {
        const waiting = await challengeAll(options);
        await (waiting ? Promise.race([woken, pause()]) : woken);
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error }, "challenging will be tried again");
        await pause();
      }
    }
  }
  return { wake: () => wake.dispatchEvent(new Event("wake")), done: run() };
}

/**
 * True if a fraud has to wait for another case to end.
 *
 * @throws the first problem, after every fraud has had its turn: one that fails must not shield another.
 */
async function challengeAll(options: ChallengerOptions): Promise<boolean> {
  const problems: unknown[] = [];
  let waiting = false;
  for (const row of await options.book.unchallenged()) {
    try {
      waiting = !(await challengeOne(options, row)) || waiting;
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw problems[0];
  return waiting;
}

/** False while another case about the order is open. */
async function challengeOne(
  { book, chain, models, log }: ChallengerOptions,
  row: EvidenceRow,
): Promise<boolean> {
  const bytes = new Uint8Array(row.file);
  const id = orderHash(decodeReceiptFile(bytes).order);
  // Before anything is run again for it.
  if ((await chain.orderState(id)) === "contested") return false;
  const judgement = judge(bytes, chain.domain, models);
  if (judgement.kind !== "fraud") return true;
  const { order, orderSignature, receipt, receiptSignature } = judgement.file;
  try {
    const sent = await chain.challenge(
      { order, orderSignature, receipt, receiptSignature },
      judgement.rival,
    );
    log.warn({ receipt: row.receipt_hash, reason: row.reason, tx: sent.hash }, "challenged");
  } catch (error) {
    if (!isFinal(error)) throw error;
    log.warn({ err: error, receipt: row.receipt_hash }, "the challenge was refused for good");
  }
  await book.setState(row.receipt_hash, "challenged");
  return true;
}

const isFinal = (error: unknown): boolean =>
  error instanceof ChainError &&
  error.detail.code === "CHAIN_REVERTED" &&
  FINAL.includes(error.detail.reason.split("(")[0] ?? "");
