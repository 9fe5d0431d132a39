/** One task on one call: OFFER → ACCEPT → START → TOKENS* → DONE (spec/05). */

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { generate } from "@assay/engine";
import {
  acceptanceHash,
  bytesToHex,
  equalBytes,
  FINISH_REASONS,
  MAX_TOKENS_PER_MESSAGE,
  type Message,
  nonceHash,
  type Order,
  orderHash,
  orderSeed,
  priceOf,
  type Receipt,
  RPC_CODES,
  receiptHash,
  recoverTyped,
  type SigningDomain,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Call } from "../mesh/link.ts";
import type { LoadedModel } from "../models.ts";
import type { JobRow } from "../store/schema.ts";
import type { Jobs } from "./jobs.ts";
import { type Refusal, refusalOf, refusalOfChannel, refusalOfParties } from "./offer.ts";
import { doneMessageOf } from "./stored-receipt.ts";

/** An accepted order whose client does not start it is over after this. */
const START_TIMEOUT_MS = 10_000;

export interface TaskContext {
  readonly privateKey: Uint8Array;
  readonly address: Uint8Array;
  readonly domain: SigningDomain;
  readonly jobs: Jobs;
  /** What this worker says it runs, by root. */
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly promptPrice: bigint;
  readonly outputPrice: bigint;
  readonly slots: Slots;
  /** Runs one at a time: two orders may not count on the same balance. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Balance of the channel (client, this worker) on chain. */
  readonly channelBalance: (client: Uint8Array) => Promise<bigint>;
  /** A receipt is stored: settlement may start. */
  readonly onReceipt: () => void;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface Slots {
  readonly free: () => number;
  take(): void;
  release(): void;
}

interface Offer {
  readonly order: Order;
  readonly signature: Uint8Array;
}

/** Serves one OFFER to its end. */
export async function serveTask(context: TaskContext, call: Call, offer: Offer): Promise<void> {
  const hash = orderHash(offer.order);
  const early = await answerWithoutChain(context, offer, hash);
  if (early !== null) return call.send(early);
  // Before anything is awaited: what is free now must not be promised twice.
  context.slots.take();
  try {
    const answer = await context.exclusive(() => accept(context, offer, hash));
    call.send(answer);
    if (answer.type === "accept") await runToTheEnd(context, call, offer.order, answer.workerNonce);
  } finally {
    context.slots.release();
  }
}

async function runToTheEnd(
  context: TaskContext,
  call: Call,
  order: Order,
  workerNonce: Uint8Array,
): Promise<void> {
  const hash = orderHash(order);
  try {
    await run(context, call, order, workerNonce);
  } catch (error) {
    await context.jobs.fail(hash);
    context.log.error({ err: error, order: bytesToHex(hash) }, "task failed");
    call.send({ type: "fail", code: RPC_CODES.internal, text: "the task failed on this worker" });
  }
}

/** An order that came before gets the same receipt again, never a second one. */
function answerKnown(job: JobRow): Message {
  return (
    doneMessageOf(job) ?? {
      type: "refuse",
      code: RPC_CODES.invalidOrder,
      text: `this order came before and is ${job.state}; sign a new one`,
    }
  );
}

/** The answer to an offer that was made before, or that is refused for what it says; null if it may be taken. */
async function answerWithoutChain(
  context: TaskContext,
  { order, signature }: Offer,
  hash: Uint8Array,
): Promise<Message | null> {
  const signer = recoverTyped(context.domain, hash, signature);
  const worker = context.address;
  const parties = refusalOfParties({ order, signer, worker });
  if (parties !== null) return { type: "refuse", ...parties };
  const known = await context.jobs.find(hash);
  if (known !== undefined) return answerKnown(known);
  const refusal = refusalOf({
    order,
    signer,
    worker,
    context: context.models.get(bytesToHex(order.programRoot))?.program.context,
    promptPrice: context.promptPrice,
    outputPrice: context.outputPrice,
    freeSlots: context.slots.free(),
    now: nowSeconds(),
  });
  return refusal === null ? null : { type: "refuse", ...refusal };
}

/** Only what two orders at once could get wrong. */
async function accept(
  context: TaskContext,
  { order, signature }: Offer,
  hash: Uint8Array,
): Promise<Message> {
  const known = await context.jobs.find(hash);
  if (known !== undefined) return answerKnown(known);
  // In this order: what is claimed in between counts twice, and not never.
  const outstanding = await context.jobs.outstanding(order.client);
  const balance = await context.channelBalance(order.client);
  const refusal = refusalOfChannel(order, balance - outstanding);
  if (refusal !== null) return { type: "refuse", ...refusal };
  const workerNonce = new Uint8Array(randomBytes(32));
  await context.jobs.accept({ orderHash: hash, order, signature, workerNonce });
  const digest = acceptanceHash({ orderHash: hash, workerNonce });
  return {
    type: "accept",
    workerNonce,
    signature: signTyped(context.privateKey, context.domain, digest),
  };
}

const nowSeconds = (): bigint => BigInt(Math.floor(Date.now() / 1_000));

async function run(
  context: TaskContext,
  call: Call,
  order: Order,
  workerNonce: Uint8Array,
): Promise<void> {
  const start = await receiveStart(context, call);
  if (start === "late" || start?.type !== "start" || !opens(order, start)) {
    await context.jobs.fail(orderHash(order));
    call.send({ type: "fail", ...startProblem(start) });
    return;
  }
  const seed = orderSeed(order, { clientNonce: start.clientNonce, workerNonce });
  const answer = await compute(context, call, order, start.prompt, seed);
  if (answer === undefined) {
    await context.jobs.fail(orderHash(order));
    call.send({ type: "fail", ...CANCELLED });
    return;
  }
  const completedAt = nowSeconds();
  if (completedAt > order.deadline) {
    // Nobody would pay for it (spec/03 §3.1).
    await context.jobs.fail(orderHash(order));
    call.send({ type: "fail", ...LATE });
    return;
  }
  const outputSalt = new Uint8Array(randomBytes(32));
  const receipt: Receipt = {
    orderHash: orderHash(order),
    programRoot: order.programRoot,
    worker: context.address,
    seed,
    inputCommitment: order.inputCommitment,
    outputCommitment: tokenCommitment(outputSalt, answer.tokens),
    promptTokens: order.promptTokens,
    outputTokens: answer.tokens.length,
    finishReason: FINISH_REASONS[answer.finishReason],
    price: priceOf(order, order.promptTokens, answer.tokens.length),
    completedAt,
    traceRoot: answer.traceRoot,
  };
  const signature = signTyped(context.privateKey, context.domain, receiptHash(receipt));
  // On disk before it is sent: after a crash the same receipt is sent again, not another one.
  const stored = await context.jobs.finish({
    orderHash: receipt.orderHash,
    receipt,
    signature,
    outputSalt,
  });
  if (!stored) throw new Error("the job already has a receipt");
  call.send({ type: "done", receipt, signature, outputSalt });
  context.onReceipt();
}

async function receiveStart(
  { signal }: TaskContext,
  call: Call,
): Promise<Message | "late" | undefined> {
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  return call.next(AbortSignal.any([signal, timeout])).catch((error: unknown) => {
    if (timeout.aborted) return "late" as const;
    throw error;
  });
}

const LATE: Refusal = {
  code: RPC_CODES.timeout,
  text: "the answer came after the order's deadline",
};
const CANCELLED: Refusal = { code: RPC_CODES.cancelled, text: "cancelled by the client" };

/** What is wrong where START was due. */
function startProblem(received: Message | "late" | undefined): Refusal {
  if (received === "late") {
    const text = `START did not come within ${START_TIMEOUT_MS / 1_000} s`;
    return { code: RPC_CODES.timeout, text };
  }
  if (received === undefined || received.type === "cancel") return CANCELLED;
  if (received.type !== "start") {
    return { code: RPC_CODES.protocol, text: `${received.type} came where START was due` };
  }
  const text = "START does not open the order's commitment and nonce";
  return { code: RPC_CODES.opening, text };
}

function opens(order: Order, start: Extract<Message, { type: "start" }>): boolean {
  return (
    start.prompt.length === order.promptTokens &&
    equalBytes(nonceHash(start.clientNonce), order.nonceHash) &&
    equalBytes(tokenCommitment(start.inputSalt, start.prompt), order.inputCommitment)
  );
}

/** Generates and streams; undefined when the client cancelled. */
async function compute(
  context: TaskContext,
  call: Call,
  order: Order,
  prompt: readonly number[],
  seed: Uint8Array,
): Promise<Awaited<ReturnType<typeof generate>> | undefined> {
  const model = context.models.get(bytesToHex(order.programRoot));
  if (model === undefined) throw new Error("the program was accepted and is gone");
  const cancel = new AbortController();
  const watching = watchCancel(call, cancel);
  const batcher = createTokenBatcher((tokens) => call.send({ type: "tokens", tokens }));
  try {
    return await generate(model.engine, {
      prompt,
      maxTokens: order.maxTokens,
      sampling: order,
      seed,
      onToken: batcher.push,
      signal: AbortSignal.any([context.signal, cancel.signal]),
    });
  } catch (error) {
    if (cancel.signal.aborted) return undefined;
    throw error;
  } finally {
    batcher.flush();
    watching.abort();
  }
}

/** Aborts `cancel` when the client says CANCEL or is gone. */
function watchCancel(call: Call, cancel: AbortController): AbortController {
  const stop = new AbortController();
  call.next(stop.signal).then(
    () => cancel.abort(),
    () => undefined,
  );
  return stop;
}

interface TokenBatcher {
  readonly push: (token: number) => void;
  flush(): void;
}

/** Tokens of one turn of the event loop travel in one message. */
function createTokenBatcher(send: (tokens: readonly number[]) => void): TokenBatcher {
  let tokens: number[] = [];
  function flush(): void {
    const batch = tokens;
    tokens = [];
    for (let at = 0; at < batch.length; at += MAX_TOKENS_PER_MESSAGE) {
      send(batch.slice(at, at + MAX_TOKENS_PER_MESSAGE));
    }
  }
  return {
    flush,
    push(token) {
      tokens.push(token);
      if (tokens.length === 1) sleep(0).then(flush, flush);
    },
  };
}
