/** One task on one call: OFFER → ACCEPT → START → TOKENS* → DONE (spec/05). */

import { randomBytes } from "node:crypto";
import { generate, replay } from "@assay/engine";
import {
  acceptanceHash,
  bytesToHex,
  equalBytes,
  FINISH_REASONS,
  type FinishReason,
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
import type { Conduct, SignedByWorker } from "./cheats.ts";
import type { Jobs } from "./jobs.ts";
import {
  type Refusal,
  refusalOf,
  refusalOfChannel,
  refusalOfParties,
  refusalOfSequence,
} from "./offer.ts";
import { doneMessageOf } from "./stored-receipt.ts";
import { openTokenStream, type StreamEnd, type TokenStream } from "./token-stream.ts";

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
  /** Of the channel (client, this worker): its balance on chain, and below which sequence all is settled. */
  readonly channelOf: (
    client: Uint8Array,
  ) => Promise<{ readonly balance: bigint; readonly settledBelow: bigint }>;
  readonly conduct: Conduct;
  /** A receipt is stored: settlement may start. */
  readonly onReceipt: () => void;
  /** Publishes a receipt that is in no job: what `conduct.second` made. */
  readonly publishSecond: (job: JobRow, second: SignedByWorker) => void;
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
    const answer = await context
      .exclusive(() => accept(context, offer, hash))
      .catch((error: unknown) => couldNot(context, error));
    call.send(answer);
    if (answer.type === "accept") await runToTheEnd(context, call, offer.order, answer);
  } finally {
    context.slots.release();
  }
}

/** What is not on disk, or not known of the chain, is not promised. */
function couldNot({ log }: TaskContext, error: unknown): Message {
  log.error({ err: error }, "an order could not be taken");
  const text = "this worker cannot take orders now: its disk or its chain does not answer";
  return { type: "refuse", code: RPC_CODES.internal, text };
}

async function runToTheEnd(
  context: TaskContext,
  call: Call,
  order: Order,
  accepted: Accepted,
): Promise<void> {
  const hash = orderHash(order);
  try {
    await run(context, call, order, accepted);
  } catch (error) {
    await context.jobs.fail(hash);
    context.log.error({ err: error, order: bytesToHex(hash) }, "task failed");
    call.send({ type: "fail", code: RPC_CODES.internal, text: "the task failed on this worker" });
  }
}

/** An order that came before gets the same receipt again, never a second one. */
function answerKnown(context: TaskContext, job: JobRow): Message {
  const done = doneMessageOf(job);
  if (done?.type === "done" && context.conduct.handOut(done, context.domain) !== undefined) {
    return done;
  }
  const code = job.state === "accepted" ? RPC_CODES.busy : RPC_CODES.invalidOrder;
  const text = `this order came before and is ${job.state}; ${
    job.state === "accepted" ? "ask again later" : "sign a new one"
  }`;
  return { type: "refuse", code, text };
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
  if (known !== undefined) return answerKnown(context, known);
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
  if (known !== undefined) return answerKnown(context, known);
  // In this order: what is paid in between counts twice, and not never.
  const outstanding = await context.jobs.outstanding(order.client);
  const { balance, settledBelow } = await context.channelOf(order.client);
  const refusal =
    refusalOfSequence(order, {
      settledBelow,
      taken: await context.jobs.isTaken(order.client, order.sequence),
    }) ?? refusalOfChannel(order, balance - outstanding);
  if (refusal !== null) return { type: "refuse", ...refusal };
  const workerNonce = new Uint8Array(randomBytes(32));
  const outputSalt = new Uint8Array(randomBytes(32));
  await context.jobs.accept({ orderHash: hash, order, signature, workerNonce, outputSalt });
  const digest = acceptanceHash({ orderHash: hash, workerNonce });
  return {
    type: "accept",
    workerNonce,
    signature: signTyped(context.privateKey, context.domain, digest),
    outputSalt,
  };
}

const nowSeconds = (): bigint => BigInt(Math.floor(Date.now() / 1_000));

type Accepted = Extract<Message, { type: "accept" }>;

async function run(
  context: TaskContext,
  call: Call,
  order: Order,
  { workerNonce, outputSalt }: Accepted,
): Promise<void> {
  const start = await receiveStart(context, call);
  if (start === "late" || start?.type !== "start" || !opens(order, start)) {
    await giveUp(context, call, order, startProblem(start));
    return;
  }
  const seed = context.conduct.seed(
    orderSeed(order, { clientNonce: start.clientNonce, workerNonce }),
  );
  const stream = openTokenStream({
    call,
    domain: context.domain,
    orderHash: orderHash(order),
    client: order.client,
    outputSalt,
  });
  try {
    const answer = await compute(context, order, start.prompt, seed, stream);
    if (answer === undefined) {
      await giveUp(context, call, order, endProblem(stream.ended));
    } else if (nowSeconds() > order.deadline) {
      // Nobody would pay for it (spec/03 §3.1).
      await giveUp(context, call, order, LATE);
    } else {
      await handOver(context, call, { order, seed, outputSalt, ...answer });
    }
  } finally {
    stream.close();
  }
}

async function giveUp(
  context: TaskContext,
  call: Call,
  order: Order,
  problem: Refusal,
): Promise<void> {
  await context.jobs.fail(orderHash(order));
  call.send({ type: "fail", ...problem });
}

interface FinishedAnswer {
  /** What the client has acknowledged: all that there is, or what it had when it wanted no more. */
  readonly tokens: readonly number[];
  readonly finishReason: FinishReason;
  readonly traceRoot: Uint8Array;
  readonly deliverySignature: Uint8Array;
}

/** Signs the one receipt, stores it, sends it. */
async function handOver(
  context: TaskContext,
  call: Call,
  {
    order,
    seed,
    outputSalt,
    ...answer
  }: FinishedAnswer & {
    readonly order: Order;
    readonly seed: Uint8Array;
    readonly outputSalt: Uint8Array;
  },
): Promise<void> {
  const { conduct, domain } = context;
  const receipt: Receipt = {
    orderHash: orderHash(order),
    programRoot: order.programRoot,
    worker: context.address,
    seed,
    inputCommitment: order.inputCommitment,
    outputCommitment: tokenCommitment(outputSalt, answer.tokens),
    promptTokens: order.promptTokens,
    outputTokens: answer.tokens.length,
    finishReason: answer.finishReason,
    price: priceOf(order, order.promptTokens, answer.tokens.length),
    completedAt: nowSeconds(),
    traceRoot: answer.traceRoot,
  };
  const own = sign(context, receipt);
  const out = conduct.handOut(own, domain);
  // On disk before it is sent: after a crash the same receipt is sent again, not another one.
  const stored = await context.jobs.finish({
    orderHash: orderHash(order),
    ...(out ?? own),
    deliverySignature: answer.deliverySignature,
  });
  if (!stored) throw new Error("the job already has a receipt");
  if (out !== undefined) call.send({ type: "done", ...out });
  context.onReceipt();
  const second = conduct.second(receipt);
  const job = second === undefined ? undefined : await context.jobs.find(orderHash(order));
  if (second !== undefined && job !== undefined) context.publishSecond(job, sign(context, second));
}

function sign({ privateKey, domain }: TaskContext, receipt: Receipt): SignedByWorker {
  return { receipt, signature: signTyped(privateKey, domain, receiptHash(receipt)) };
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

/** Why there is no receipt although nothing failed here. */
function endProblem(ended: StreamEnd | undefined): Refusal {
  if (ended === "silent") {
    return { code: RPC_CODES.timeout, text: "the tokens were not acknowledged in time" };
  }
  if (ended === "protocol") {
    const text = "what came where CANCEL or a DELIVERED of the tokens so far was due is neither";
    return { code: RPC_CODES.protocol, text };
  }
  return CANCELLED;
}

/** Generates and streams. Undefined when the client has acknowledged nothing. */
async function compute(
  { models, conduct, signal }: TaskContext,
  order: Order,
  prompt: readonly number[],
  seed: Uint8Array,
  stream: TokenStream,
): Promise<FinishedAnswer | undefined> {
  const model = models.get(bytesToHex(order.programRoot));
  if (model === undefined) throw new Error("the program was accepted and is gone");
  let index = 0;
  const whole = await generate(model.engine, {
    prompt,
    maxTokens: order.maxTokens,
    sampling: order,
    seed,
    onToken: (token) => {
      const sent = conduct.token(token, index);
      index += 1;
      return stream.push(sent);
    },
    signal: AbortSignal.any([signal, stream.signal]),
  }).catch((error: unknown) => {
    if (stream.ended === undefined) throw error;
    return undefined;
  });
  if (whole !== undefined) await stream.finish();
  const { count, signature } = stream.delivered;
  if (count === 0 || signature === null) return undefined;
  const tokens = stream.tokens.slice(0, count);
  const isWhole = whole !== undefined && count === whole.tokens.length;
  const asComputed = isWhole && whole.tokens.every((token, i) => token === tokens[i]);
  const traceRoot = asComputed
    ? whole.traceRoot
    : replay(model.engine, { prompt, output: tokens, sampling: order, seed }).traceRoot;
  return {
    tokens,
    finishReason: FINISH_REASONS[isWhole ? whole.finishReason : "cut"],
    traceRoot,
    deliverySignature: signature,
  };
}
