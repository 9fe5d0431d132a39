/** Orders and receipt files, honest unless told otherwise, with real signatures over whatever they say. */

import { randomBytes } from "node:crypto";
import { replay } from "@assay/engine";
import {
  acceptanceHash,
  addressOf,
  deliveryHash,
  nonceHash,
  type Order,
  orderHash,
  orderSeed,
  priceOf,
  type Receipt,
  type ReceiptFile,
  receiptHash,
  type SigningDomain,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import { demoModel, demoPrompt } from "./demo.ts";
import { keyOf } from "./keys.ts";

export const random32 = (): Uint8Array => new Uint8Array(randomBytes(32));

export interface ReceiptPlan {
  readonly domain: SigningDomain;
  readonly client?: string;
  readonly worker?: string;
  readonly prompt?: readonly number[];
  /** Of the worker, before it is signed. The default answer is the program's, greedy, two tokens. */
  readonly output?: readonly number[];
  readonly order?: Partial<Order>;
  /** Those of a task that is under way; fresh ones when absent. */
  readonly nonces?: {
    readonly clientNonce: Uint8Array;
    readonly workerNonce: Uint8Array;
    readonly inputSalt: Uint8Array;
    readonly outputSalt?: Uint8Array;
  };
  /** Signed by the worker like this. */
  readonly receipt?: Partial<Receipt>;
  /** Changed after everything was signed: what a client could do to the file. */
  readonly file?: Partial<ReceiptFile>;
}

const MAX_TOKENS = 2;

const answers = new Map<string, readonly number[]>();

/** The program's own greedy answer of `count` tokens, whatever they are. */
export function greedyAnswer(prompt: readonly number[], count = MAX_TOKENS): readonly number[] {
  const key = `${prompt} ${count}`;
  const answer = answers.get(key) ?? runGreedily(prompt, count);
  answers.set(key, answer);
  return answer;
}

function runGreedily(prompt: readonly number[], count: number): readonly number[] {
  const { engine } = demoModel();
  const output: number[] = [];
  while (output.length < count) {
    const { chosen } = replay(engine, {
      prompt,
      output: [...output, 0],
      sampling: { invTemperature: 0, topP: 65_536 },
      seed: new Uint8Array(32),
    });
    output.push(chosen.at(-1) ?? 0);
  }
  return output;
}

/** A prompt whose greedy answer does not end within two tokens: a receipt of it ends by length. */
export const PROMPT: readonly number[] = demoPrompt("Spell the word banana.");

let sequence = 0n;

/** Another place in its channel for each order. */
export function nextSequence(): bigint {
  sequence += 1n;
  return sequence;
}

export function makeOrder(
  plan: Pick<ReceiptPlan, "client" | "worker" | "prompt" | "order">,
  clientNonce: Uint8Array,
  inputSalt: Uint8Array,
): Order {
  const prompt = plan.prompt ?? PROMPT;
  return {
    programRoot: demoModel().root,
    client: addressOf(keyOf(plan.client ?? "client")),
    worker: addressOf(keyOf(plan.worker ?? "worker")),
    sequence: nextSequence(),
    inputCommitment: tokenCommitment(inputSalt, prompt),
    promptTokens: prompt.length,
    maxTokens: MAX_TOKENS,
    invTemperature: 0,
    topP: 65_536,
    seedSource: 0,
    clientSeed: 0n,
    nonceHash: nonceHash(clientNonce),
    promptPrice: 10n,
    outputPrice: 30n,
    deadline: BigInt(Math.floor(Date.now() / 1_000) + 600),
    salt: random32(),
    ...plan.order,
  };
}

export function makeReceiptFile(plan: ReceiptPlan): ReceiptFile {
  const { domain } = plan;
  const prompt = plan.prompt ?? PROMPT;
  const output = plan.output ?? greedyAnswer(prompt);
  const fresh = { clientNonce: random32(), workerNonce: random32(), inputSalt: random32() };
  const { clientNonce, workerNonce, inputSalt } = plan.nonces ?? fresh;
  const outputSalt = plan.nonces?.outputSalt ?? random32();
  const order = makeOrder(plan, clientNonce, inputSalt);
  const hash = orderHash(order);
  const receipt: Receipt = {
    orderHash: hash,
    programRoot: order.programRoot,
    worker: order.worker,
    seed: orderSeed(order, { clientNonce, workerNonce }),
    inputCommitment: order.inputCommitment,
    outputCommitment: tokenCommitment(outputSalt, output),
    promptTokens: order.promptTokens,
    outputTokens: output.length,
    finishReason: 2,
    price: priceOf(order, order.promptTokens, output.length),
    completedAt: BigInt(Math.floor(Date.now() / 1_000)),
    traceRoot: traceOf(prompt, output),
    ...plan.receipt,
  };
  const client = keyOf(plan.client ?? "client");
  const worker = keyOf(plan.worker ?? "worker");
  return {
    domain,
    order,
    orderSignature: signTyped(client, domain, hash),
    workerNonce,
    acceptanceSignature: signTyped(
      worker,
      domain,
      acceptanceHash({ orderHash: hash, workerNonce }),
    ),
    receipt,
    receiptSignature: signTyped(worker, domain, receiptHash(receipt)),
    inputSalt,
    outputSalt,
    clientNonce,
    prompt,
    output,
    ...plan.file,
  };
}

/** The client's signature that it has the tokens of this receipt. */
export const deliverySignatureOf = ({ receipt, order, domain }: ReceiptFile, client = "client") =>
  signTyped(
    keyOf(client),
    domain,
    deliveryHash({
      orderHash: orderHash(order),
      outputTokens: receipt.outputTokens,
      outputCommitment: receipt.outputCommitment,
    }),
  );

const traces = new Map<string, Uint8Array>();

/** The program's trace over these tokens; zeros where it cannot run them. */
export function traceOf(prompt: readonly number[], output: readonly number[]): Uint8Array {
  const key = `${prompt} ${output}`;
  const trace = traces.get(key) ?? runTrace(prompt, output);
  traces.set(key, trace);
  return trace;
}

function runTrace(prompt: readonly number[], output: readonly number[]): Uint8Array {
  const { engine, program } = demoModel();
  const runs = output.length > 0 && [...prompt, ...output].every((token) => token < program.vocab);
  if (!runs) return new Uint8Array(32);
  const sampling = { invTemperature: 0, topP: 65_536 };
  return replay(engine, { prompt, output, sampling, seed: new Uint8Array(32) }).traceRoot;
}
