/** The client's side of one task: signs an order for one worker, and ends with a receipt file (spec/05). */

import { randomBytes } from "node:crypto";
import {
  type Acceptance,
  acceptanceHash,
  CodedError,
  equalBytes,
  nonceHash,
  type Order,
  orderHash,
  type ProgramOffer,
  type ReceiptFile,
  RPC_CODES,
  recoverTyped,
  type Sampling,
  type SigningDomain,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import type { Call } from "../mesh/link.ts";
import type { Peer } from "../mesh/peers.ts";

/** How long a worker may take to answer an offer. */
const ACCEPT_TIMEOUT_MS = 5_000;
/** How long a worker may be silent while it computes. */
const SILENCE_TIMEOUT_MS = 30_000;

export interface TaskRequest {
  readonly programRoot: Uint8Array;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** The user's explicit seed; both nonces decide when absent. */
  readonly clientSeed?: bigint;
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
  | { readonly code: "TASK_REFUSED"; readonly reason: string }
  | { readonly code: "TASK_FAILED"; readonly reason: string }
  | { readonly code: "TASK_LOST" }
  | { readonly code: "TASK_TIMEOUT"; readonly waitedFor: string }
  | { readonly code: "TASK_PROTOCOL"; readonly expected: string; readonly actual: string };

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
  }
}

export interface RunOrderOptions {
  readonly payer: Payer;
  readonly peer: Peer;
  readonly offer: ProgramOffer;
  readonly request: TaskRequest;
  readonly onOrder?: (order: Order, hash: Uint8Array) => Promise<void>;
  readonly onTokens?: (tokens: readonly number[]) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs `request` on one worker. The receipt file is complete and not yet verified.
 *
 * @throws {TaskError}
 */
export async function runOrder(options: RunOrderOptions): Promise<ReceiptFile> {
  const { payer, peer, request } = options;
  const clientNonce = new Uint8Array(randomBytes(32));
  const inputSalt = new Uint8Array(randomBytes(32));
  const order = makeOrder(options, clientNonce, inputSalt);
  const hash = orderHash(order);
  const orderSignature = signTyped(payer.privateKey, payer.domain, hash);
  await options.onOrder?.(order, hash);
  const call = peer.link.call({ type: "offer", order, signature: orderSignature });
  try {
    const accepted = await awaitAcceptance(options, call, hash);
    call.send({ type: "start", clientNonce, inputSalt, prompt: request.prompt });
    const { output, done } = await collect(options, call);
    payer.onSpent?.(peer.hello.address, false);
    return {
      domain: payer.domain,
      order,
      orderSignature,
      workerNonce: accepted.workerNonce,
      acceptanceSignature: accepted.signature,
      receipt: done.receipt,
      receiptSignature: done.signature,
      inputSalt,
      outputSalt: done.outputSalt,
      clientNonce,
      prompt: request.prompt,
      output,
    };
  } catch (error) {
    call.send({ type: "cancel" });
    throw error;
  } finally {
    call.close();
  }
}

function makeOrder(
  { payer, peer, offer, request }: RunOrderOptions,
  clientNonce: Uint8Array,
  inputSalt: Uint8Array,
): Order {
  return {
    programRoot: request.programRoot,
    client: payer.address,
    worker: peer.hello.address,
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
): Promise<{ readonly workerNonce: Uint8Array; readonly signature: Uint8Array }> {
  const message = await receive(call, ACCEPT_TIMEOUT_MS, "an answer to the offer", signal);
  if (message.type === "refuse") {
    if (message.code === RPC_CODES.channel) payer.onSpent?.(peer.hello.address, true);
    throw new TaskError({ code: "TASK_REFUSED", reason: message.text });
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

async function collect({ request, onTokens, signal }: RunOrderOptions, call: Call) {
  const output: number[] = [];
  for (;;) {
    const message = await receive(call, SILENCE_TIMEOUT_MS, "tokens or the receipt", signal);
    if (message.type === "done") return { output, done: message };
    if (message.type === "fail") throw new TaskError({ code: "TASK_FAILED", reason: message.text });
    if (message.type !== "tokens") {
      throw new TaskError({ code: "TASK_PROTOCOL", expected: "TOKENS", actual: message.type });
    }
    output.push(...message.tokens);
    if (output.length > request.maxTokens) {
      throw new TaskError({
        code: "TASK_PROTOCOL",
        expected: `at most ${request.maxTokens} tokens`,
        actual: `${output.length}`,
      });
    }
    onTokens?.(message.tokens);
  }
}
