/** The client's side of one task: signs an order for one worker, and ends with a receipt file (spec/05). */

import { randomBytes } from "node:crypto";
import {
  type Acceptance,
  acceptanceHash,
  CodedError,
  deliveryHash,
  equalBytes,
  type Message,
  nonceHash,
  type Order,
  orderHash,
  type ProgramOffer,
  type ReceiptFile,
  RPC_CODES,
  receiptHash,
  recoverTyped,
  type Sampling,
  type SigningDomain,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import type { Call } from "../mesh/link.ts";
import type { Peer } from "../mesh/peers.ts";
import { type Draft, encodeDraft } from "./draft.ts";

/** How long a worker may take to answer an offer. */
const ACCEPT_TIMEOUT_MS = 5_000;
/** How long a worker may be silent while it computes. */
const SILENCE_TIMEOUT_MS = 30_000;
/** How long it may take to sign, when it has sent the last token. */
const RECEIPT_TIMEOUT_MS = 5_000;
/** How long a worker may take to answer CANCEL with its receipt for what was delivered. */
const CANCEL_TIMEOUT_MS = 5_000;

export interface TaskRequest {
  readonly programRoot: Uint8Array;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** The user's explicit seed; both nonces decide when absent. */
  readonly clientSeed?: bigint;
  /** Of the program: after one of them the receipt is due. */
  readonly endTokens: readonly number[];
}

export interface Payer {
  readonly privateKey: Uint8Array;
  readonly address: Uint8Array;
  readonly domain: SigningDomain;
  /** Seconds from now until an order's deadline. */
  readonly deadlineSeconds: number;
  /** The worker gave a receipt, or (`short`) refused because its channel does not cover the order. */
  readonly onSpent?: (worker: Uint8Array, short: boolean) => void;
}

type TaskErrorDetail =
  | { readonly code: "TASK_REFUSED"; readonly reason: string; readonly busy: boolean }
  | { readonly code: "TASK_FAILED"; readonly reason: string }
  | { readonly code: "TASK_LOST" }
  | { readonly code: "TASK_TIMEOUT"; readonly waitedFor: string }
  | { readonly code: "TASK_PROTOCOL"; readonly expected: string; readonly actual: string }
  | { readonly code: "TASK_FORGED"; readonly actual: string };

/** Why a worker did not bring a receipt; another worker may be asked. */
export class TaskError extends CodedError<TaskErrorDetail> {
  constructor(detail: TaskErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: TaskErrorDetail): string {
  switch (detail.code) {
    case "TASK_REFUSED":
      return `the worker refused the order: ${detail.reason}`;
    case "TASK_FAILED":
      return `the worker gave up: ${detail.reason}`;
    case "TASK_LOST":
      return "the connection to the worker was lost";
    case "TASK_TIMEOUT":
      return `the worker did not send ${detail.waitedFor} in time`;
    case "TASK_PROTOCOL":
      return `the worker sent ${detail.actual} where ${detail.expected} was due`;
    case "TASK_FORGED":
      return `the worker passed off ${detail.actual} as the receipt of this order`;
  }
}

export interface RunOrderOptions {
  readonly payer: Payer;
  readonly peer: Peer;
  readonly offer: ProgramOffer;
  readonly request: TaskRequest;
  /** The order's place in the channel. */
  readonly sequence: bigint;
  /** What must be on disk before the next message goes out. */
  readonly record: OrderRecord;
  readonly onTokens?: (tokens: readonly number[]) => void;
  /** How many of these tokens are enough; undefined while more are wanted. The answer is then stopped there. */
  readonly enough?: (output: readonly number[]) => number | undefined;
  /** Stops the answer: the worker is owed, and signs, what was delivered until then. */
  readonly signal?: AbortSignal;
}

interface OrderRecord {
  placed(order: { hash: Uint8Array; worker: Uint8Array; sequence: bigint }): Promise<void>;
  started(hash: Uint8Array, draft: Uint8Array): Promise<void>;
  delivered(hash: Uint8Array, output: readonly number[]): Promise<void>;
}

interface OrderOutcome {
  readonly file: ReceiptFile;
  /** Whether it was stopped: by `signal`, or because it was enough. */
  readonly cut: boolean;
}

/**
 * Runs `request` on one worker. The receipt file is complete and not yet verified.
 *
 * @throws {TaskError}; `signal`'s reason where it stopped an answer of which nothing had been delivered
 */
export async function runOrder(options: RunOrderOptions): Promise<OrderOutcome> {
  const { payer, peer, request, record } = options;
  const clientNonce = new Uint8Array(randomBytes(32));
  const inputSalt = new Uint8Array(randomBytes(32));
  const order = makeOrder(options, clientNonce, inputSalt);
  const hash = orderHash(order);
  const orderSignature = signTyped(payer.privateKey, payer.domain, hash);
  await record.placed({ hash, worker: order.worker, sequence: order.sequence });
  const call = peer.link.call({ type: "offer", order, signature: orderSignature });
  try {
    const accepted = await awaitAcceptance(options, call, hash);
    const draft: Draft = {
      domain: payer.domain,
      order,
      orderSignature,
      workerNonce: accepted.workerNonce,
      acceptanceSignature: accepted.signature,
      inputSalt,
      outputSalt: accepted.outputSalt,
      clientNonce,
      prompt: request.prompt,
    };
    await record.started(hash, encodeDraft(draft));
    call.send({ type: "start", clientNonce, inputSalt, prompt: request.prompt });
    const { output, done, cut } = await collect(options, call, draft, hash);
    payer.onSpent?.(peer.hello.address, false);
    const { receipt, signature: receiptSignature } = done;
    return { file: { ...draft, receipt, receiptSignature, output }, cut };
  } catch (error) {
    call.send({ type: "cancel" });
    throw error;
  } finally {
    call.close();
  }
}

function makeOrder(
  { payer, peer, offer, request, sequence }: RunOrderOptions,
  clientNonce: Uint8Array,
  inputSalt: Uint8Array,
): Order {
  return {
    programRoot: request.programRoot,
    client: payer.address,
    worker: peer.hello.address,
    sequence,
    inputCommitment: tokenCommitment(inputSalt, request.prompt),
    promptTokens: request.prompt.length,
    maxTokens: request.maxTokens,
    invTemperature: request.sampling.invTemperature,
    topP: request.sampling.topP,
    seedSource: request.clientSeed === undefined ? 0 : 1,
    clientSeed: request.clientSeed ?? 0n,
    nonceHash: nonceHash(clientNonce),
    promptPrice: offer.promptPrice,
    outputPrice: offer.outputPrice,
    deadline: BigInt(Math.floor(Date.now() / 1_000) + payer.deadlineSeconds),
    salt: new Uint8Array(randomBytes(32)),
  };
}

async function receive(call: Call, ms: number, waitedFor: string, signal?: AbortSignal) {
  const timeout = AbortSignal.timeout(ms);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const message = await call.next(either).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new TaskError({ code: "TASK_TIMEOUT", waitedFor });
  });
  if (message === undefined) throw new TaskError({ code: "TASK_LOST" });
  return message;
}

async function awaitAcceptance(
  { payer, peer, signal }: RunOrderOptions,
  call: Call,
  hash: Uint8Array,
): Promise<Extract<Message, { type: "accept" }>> {
  const message = await receive(call, ACCEPT_TIMEOUT_MS, "an answer to the offer", signal);
  if (message.type === "refuse") {
    if (message.code === RPC_CODES.channel) payer.onSpent?.(peer.hello.address, true);
    const busy = message.code === RPC_CODES.busy;
    throw new TaskError({ code: "TASK_REFUSED", reason: message.text, busy });
  }
  if (message.type !== "accept") {
    throw new TaskError({ code: "TASK_PROTOCOL", expected: "ACCEPT", actual: message.type });
  }
  const acceptance: Acceptance = { orderHash: hash, workerNonce: message.workerNonce };
  const signer = recoverTyped(payer.domain, acceptanceHash(acceptance), message.signature);
  // Before the nonce is revealed: without this signature the worker could choose its own later.
  if (signer === null || !equalBytes(signer, peer.hello.address)) {
    throw new TaskError({
      code: "TASK_PROTOCOL",
      expected: "an acceptance signed by the worker",
      actual: "another signature",
    });
  }
  return message;
}

/** What has come of an answer. */
interface Arrived {
  readonly output: number[];
  /** How many of these are acknowledged. */
  delivered: number;
  /** Whether this side has stopped the answer. */
  cut: boolean;
}

/** Takes tokens, acknowledges them where asked, and ends with the receipt for exactly these. */
async function collect(options: RunOrderOptions, call: Call, draft: Draft, hash: Uint8Array) {
  const arrived: Arrived = { output: [], delivered: 0, cut: false };
  for (;;) {
    const message = await nextOrStop(options, call, arrived);
    if (message.type === "done") {
      const { output, cut } = arrived;
      const tokens = output.slice(0, cut ? message.receipt.outputTokens : output.length);
      checkDone(message, draft, hash, tokens);
      return { output: tokens, done: message, cut };
    }
    if (message.type === "fail") throw new TaskError({ code: "TASK_FAILED", reason: message.text });
    if (message.type !== "tokens") {
      throw new TaskError({ code: "TASK_PROTOCOL", expected: "TOKENS", actual: message.type });
    }
    takeTokens(options, arrived, message.tokens);
    if (!arrived.cut) await answerTokens(options, call, arrived, draft, hash, message.acknowledge);
  }
}

/** Acknowledges where the worker asks for it, or where it is enough: then up to there, and no further. */
async function answerTokens(
  options: RunOrderOptions,
  call: Call,
  arrived: Arrived,
  draft: Draft,
  hash: Uint8Array,
  isAsked: boolean,
): Promise<void> {
  const enough = options.enough?.(arrived.output);
  const upTo = enough ?? arrived.output.length;
  if ((isAsked || enough !== undefined) && upTo > arrived.delivered) {
    arrived.delivered = upTo;
    await acknowledge(options, call, draft, hash, arrived.output.slice(0, upTo));
  }
  if (enough === undefined) return;
  arrived.cut = true;
  call.send({ type: "cancel" });
}

/** The next message; sends CANCEL first where this side wants no more. */
async function nextOrStop(
  { request, signal }: RunOrderOptions,
  call: Call,
  arrived: Arrived,
): Promise<Message> {
  const what = "tokens or the receipt";
  if (!arrived.cut) {
    try {
      return await receive(call, silenceAllowed(request, arrived.output), what, signal);
    } catch (error) {
      if (!signal?.aborted || arrived.delivered === 0) throw error;
      // The worker is owed what was delivered, and signs for it.
      arrived.cut = true;
      call.send({ type: "cancel" });
    }
  }
  return receive(call, CANCEL_TIMEOUT_MS, what);
}

function takeTokens(
  { request, onTokens }: RunOrderOptions,
  { output, cut }: Arrived,
  tokens: readonly number[],
): void {
  output.push(...tokens);
  if (output.length > request.maxTokens) {
    throw new TaskError({
      code: "TASK_PROTOCOL",
      expected: `at most ${request.maxTokens} tokens`,
      actual: `${output.length}`,
    });
  }
  if (tokens.length > 0 && !cut) onTokens?.(tokens);
}

/** A worker that has sent the last token has nothing left to compute. */
function silenceAllowed({ maxTokens, endTokens }: TaskRequest, output: readonly number[]): number {
  const isOver = output.length === maxTokens || endTokens.includes(output.at(-1) ?? -1);
  return isOver ? RECEIPT_TIMEOUT_MS : SILENCE_TIMEOUT_MS;
}

async function acknowledge(
  { payer, record }: RunOrderOptions,
  call: Call,
  { outputSalt }: Draft,
  hash: Uint8Array,
  output: readonly number[],
): Promise<void> {
  await record.delivered(hash, output);
  const delivery = {
    orderHash: hash,
    outputTokens: output.length,
    outputCommitment: tokenCommitment(outputSalt, output),
  };
  call.send({
    type: "delivered",
    outputTokens: output.length,
    signature: signTyped(payer.privateKey, payer.domain, deliveryHash(delivery)),
  });
}

/** Whether the worker signed this receipt, for this order and these tokens: another one answers nothing. */
function checkDone(
  { receipt, signature }: Extract<Message, { type: "done" }>,
  { domain, order, outputSalt }: Draft,
  hash: Uint8Array,
  output: readonly number[],
): void {
  const problem = (actual: string) => new TaskError({ code: "TASK_FORGED", actual });
  const signer = recoverTyped(domain, receiptHash(receipt), signature);
  if (signer === null || !equalBytes(signer, order.worker)) {
    throw problem("a receipt that the worker has not signed");
  }
  if (!equalBytes(receipt.orderHash, hash)) throw problem("the receipt of another order");
  if (!equalBytes(receipt.outputCommitment, tokenCommitment(outputSalt, output))) {
    throw problem("a receipt for other tokens than it sent");
  }
}
