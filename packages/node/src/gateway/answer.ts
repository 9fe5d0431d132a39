/** One verified answer: asks workers until the receipt of one of them holds. */

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Verdict } from "@assay/verifier";
import { bytesToHex, CodedError, type ProgramOffer, type ReceiptFile } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Peer } from "../mesh/peers.ts";
import { isDiskFull } from "../store/database.ts";
import { failureOf } from "../verifier/judge.ts";
import type { OrderBook } from "./order-book.ts";
import { type Payer, runOrder, TaskError, type TaskRequest } from "./run-order.ts";
import { type Judged, judgeReceipt, type ReceiptJudge } from "./verify-answer.ts";

export interface AnswerContext {
  readonly payer: Payer;
  readonly book: OrderBook;
  /** Workers that offer the program and whose channel is funded, best first; waits for one if there is none yet. */
  readonly workersFor: (root: Uint8Array, signal?: AbortSignal) => Promise<readonly Candidate[]>;
  readonly judge: ReceiptJudge;
  /** Hashes (hexadecimal) of the orders that are being run. */
  readonly running: Set<string>;
  readonly standing: Standing;
  readonly log: Logger;
}

export interface Candidate {
  readonly peer: Peer;
  readonly offer: ProgramOffer;
}

/** Which workers this gateway no longer asks. */
export interface Standing {
  ban(worker: Uint8Array): void;
  isBanned(worker: Uint8Array): boolean;
}

/** A worker that was asked before, in vain. */
interface Rejected {
  readonly worker: string;
  /** Refused the order, failed on the way, or signed a receipt that does not hold. */
  readonly kind: "refused" | "failed" | "invalid";
  readonly reason: string;
  /** Whether it only had no free slot. */
  readonly busy: boolean;
}

export interface Answer {
  readonly rejected: readonly Rejected[];
  readonly file: ReceiptFile;
  readonly bytes: Uint8Array;
  readonly verdict: Verdict;
}

export type AnswerErrorDetail = BusyDetail | NoWorkerDetail;

interface BusyDetail {
  /** Every worker is busy, and the queue is full or took too long. */
  readonly code: "BUSY";
  readonly waiting: number;
}

interface NoWorkerDetail {
  readonly code: "NO_WORKER";
  readonly tried: number;
  /** Workers that offer the model and are not asked any more: a receipt of theirs did not hold. */
  readonly banned: number;
  readonly last: string | null;
}

export class AnswerError extends CodedError<AnswerErrorDetail> {
  constructor(detail: AnswerErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: AnswerErrorDetail): string {
  if (detail.code === "BUSY") {
    return `every worker is busy and ${detail.waiting} requests wait; try again in a moment`;
  }
  const { tried, banned, last } = detail;
  if (tried > 0) return `no worker gave a verified answer (${tried} tried; the last: ${last})`;
  if (banned > 0) {
    return `all ${banned} workers that offer this model have signed receipts that did not hold, and are not asked any more`;
  }
  return "no worker offers this model now; is one connected and staked?";
}

export interface AnswerOptions {
  readonly request: TaskRequest;
  /** Tokens as they come, unverified, from the first worker only: asking another would start over. */
  readonly onTokens?: (tokens: readonly number[]) => void;
  /** How many of these tokens are enough; undefined while more are wanted. */
  readonly enough?: (output: readonly number[]) => number | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Asks one worker after the other. Without `onTokens` the answer that returns is verified; with it the
 * first receipt returns, whatever its verdict, since its tokens are out already.
 *
 * @throws {AnswerError} when no worker is left
 */
export async function answer(context: AnswerContext, options: AnswerOptions): Promise<Answer> {
  const rejected: Rejected[] = [];
  for (;;) {
    const candidate = await nextCandidate(context, options, rejected);
    const worker = hexAddress(candidate.peer.hello.address);
    const out = { streamed: false };
    try {
      const got = await attempt(context, candidate, options, out);
      if (got.verdict.ok || options.onTokens !== undefined) return { ...got, rejected };
      const reason = failureOf(got.verdict);
      rejected.push({ worker, kind: "invalid", reason, busy: false });
    } catch (error) {
      // A disk of ours that is full is no worker's fault, and full for the next one too.
      if (options.signal?.aborted || out.streamed || isDiskFull(error)) throw error;
      const rejection = rejectionOf(worker, error);
      rejected.push(rejection);
      context.log.warn(rejection, "asking another worker");
    }
  }
}

function rejectionOf(worker: string, error: unknown): Rejected {
  const detail = error instanceof TaskError ? error.detail : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  if (detail?.code === "TASK_REFUSED") {
    return { worker, kind: "refused", reason, busy: detail.busy };
  }
  const kind = detail?.code === "TASK_FORGED" ? "invalid" : "failed";
  return { worker, kind, reason, busy: false };
}

/** Waits a little for another worker when those at hand were in vain: a channel may still be on its way. */
async function nextCandidate(
  { workersFor, standing }: AnswerContext,
  { request, signal }: AnswerOptions,
  rejected: readonly Rejected[],
): Promise<Candidate> {
  const until = performance.now() + (rejected.length > 0 ? LATE_WORKER_MS : 0);
  for (;;) {
    const candidates = await workersFor(request.programRoot, signal);
    const candidate = candidates.find(({ peer: { hello } }) => {
      const tried = rejected.some(({ worker }) => worker === hexAddress(hello.address));
      return !tried && !standing.isBanned(hello.address);
    });
    if (candidate !== undefined) return candidate;
    if (performance.now() >= until || signal?.aborted) {
      if (rejected.length > 0 && rejected.every(({ busy }) => busy)) {
        throw new AnswerError({ code: "BUSY", waiting: 0 });
      }
      const last = rejected.at(-1)?.reason ?? null;
      const banned = candidates.filter(({ peer }) => standing.isBanned(peer.hello.address)).length;
      throw new AnswerError({ code: "NO_WORKER", tried: rejected.length, banned, last });
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

async function attempt(
  context: AnswerContext,
  { peer, offer }: Candidate,
  options: AnswerOptions,
  out: { streamed: boolean },
): Promise<Judged> {
  const { request, onTokens, signal } = options;
  const { book, payer } = context;
  const worker = peer.hello.address;
  let orderId: Uint8Array | undefined;
  try {
    const { file, cut } = await runOrder({
      payer,
      peer,
      offer,
      request,
      sequence: book.nextSequence(worker),
      record: {
        ...book,
        placed: async (order) => {
          orderId = order.hash;
          context.running.add(bytesToHex(order.hash));
          await book.placed(order);
        },
      },
      onTokens: (tokens) => {
        if (onTokens === undefined) return;
        out.streamed = true;
        onTokens(tokens);
      },
      ...(options.enough === undefined ? {} : { enough: options.enough }),
      ...(signal === undefined ? {} : { signal }),
    });
    const judged = await judgeReceipt(context.judge, file, cut);
    // Whoever stopped the answer does not wait for it; its worker is paid for what it delivered.
    if (cut && signal?.aborted) signal.throwIfAborted();
    return judged;
  } catch (error) {
    if (orderId !== undefined) {
      await noteFailure(context, worker, orderId, error).catch((problem: unknown) =>
        context.log.error({ err: problem }, "a failed order could not be noted"),
      );
    }
    throw error;
  } finally {
    if (orderId !== undefined) context.running.delete(bytesToHex(orderId));
  }
}

/** Whether the worker may still have a receipt to show decides whether the order is out of the way. */
async function noteFailure(
  { book, judge, standing }: AnswerContext,
  worker: Uint8Array,
  orderId: Uint8Array,
  error: unknown,
): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  const code = error instanceof TaskError ? error.detail.code : undefined;
  // Where the failure is ours (no code), the worker may have done its part.
  const mayBeOwed = code === undefined || code === "TASK_LOST" || code === "TASK_TIMEOUT";
  await (mayBeOwed ? book.lost : book.failed)(orderId, reason);
  if (code === "TASK_FORGED") standing.ban(worker);
  judge.settled(worker);
}

const hexAddress = (address: Uint8Array): string => `0x${bytesToHex(address)}`;

const LOOK_AGAIN_MS = 50;
const LATE_WORKER_MS = 1_500;

/** The candidates, waiting up to `waitMs` while there is none. */
export async function answerable(
  look: () => readonly Candidate[],
  waitMs: number,
  signal?: AbortSignal,
): Promise<readonly Candidate[]> {
  const until = performance.now() + waitMs;
  for (;;) {
    const found = look();
    if (found.length > 0 || signal?.aborted || performance.now() >= until) return shuffled(found);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** So that no worker is always asked first. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, key: randomInt(2 ** 32) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
