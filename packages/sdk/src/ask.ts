/** One question to a gateway, and the verdict on its receipt, computed in this process. */

import type { ChatMessage } from "@assay/model/chat";
import type { Check, Verdict } from "@assay/verifier";
import { samplingFor } from "@assay/wire";
import { base64ToBytes } from "./base64.ts";
import type { ClientModel, VerifyOptions } from "./model.ts";
import { SdkError } from "./sdk-error.ts";
import { readEvents } from "./sse.ts";

/** Clocks differ: a receipt may be this far in our future. */
const CLOCK_SKEW_SECONDS = 300;
/** Most tokens of an answer, where the question does not say: always sent, so that it can be checked. */
const DEFAULT_MAX_TOKENS = 256;

export interface Question {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  /** Text as it comes, before it is verified. Without it the gateway verifies first, and asks another worker if it must. */
  readonly onText?: (text: string) => void;
  /** Hears of each check of the receipt as it is done. */
  readonly onCheck?: (check: Check) => void;
  /** Hears when the receipt is there and its checks begin. */
  readonly onReceipt?: (receipt: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

export interface Answer {
  /** The text of the receipt's output tokens, decoded here: what the verdict is about. */
  readonly text: string;
  /** The text that the gateway sent beside the receipt. */
  readonly shown: string;
  /** Whether the two are the same: if not, the gateway showed something that nobody signed. */
  readonly faithful: boolean;
  /** The receipt file. */
  readonly receipt: Uint8Array;
  readonly verdict: Verdict;
  /** What the gateway says of workers that it asked before this one, in vain. */
  readonly rejected: readonly RejectedAttempt[];
  /** The same judgement on another file: would it pass for the answer to this question? */
  judge(file: Uint8Array, onCheck?: (check: Check) => void): Verdict;
}

export interface GatewayAccess {
  /** Base URL. */
  readonly url: string;
  /** Where the gateway asks for one. */
  readonly apiKey?: string;
}

export interface RejectedAttempt {
  readonly worker: string;
  /** Refused the order, failed on the way, or signed a receipt that does not hold. */
  readonly kind: "refused" | "failed" | "invalid";
  readonly reason: string;
}

/** @throws {SdkError} when there is no receipt to judge. */
export async function ask(
  gateway: GatewayAccess,
  model: ClientModel,
  question: Question,
  verification: Omit<VerifyOptions, "now">,
): Promise<Answer> {
  const prompt = model.chat.renderPrompt(question.messages);
  const room = Math.max(1, model.program.context - prompt.length + 1);
  const maxTokens = Math.min(question.maxTokens ?? DEFAULT_MAX_TOKENS, room);
  const response = await post(gateway, { ...question, maxTokens });
  let receipt: Uint8Array | undefined;
  let shown = "";
  let rejected: readonly RejectedAttempt[] = [];
  for await (const event of eventsOf(response, gateway, question.signal)) {
    const { text, receipt: file, error, attempts } = readEvent(event);
    if (error !== undefined)
      throw new SdkError({ code: "SDK_GATEWAY", status: 200, reason: error });
    if (text !== undefined && text !== "") {
      shown += text;
      question.onText?.(text);
    }
    receipt = file ?? receipt;
    rejected = attempts ?? rejected;
  }
  if (receipt === undefined) throw new SdkError({ code: "SDK_NO_RECEIPT" });
  question.onReceipt?.(receipt);
  const judge: Answer["judge"] = (file, onCheck) =>
    model.verify(file, {
      ...verification,
      ...(onCheck === undefined ? {} : { onCheck }),
      now: BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS),
      expected: {
        ...verification.expected,
        prompt,
        maxTokens,
        sampling: samplingFor(question.temperature ?? 0, question.topP ?? 1),
        clientSeed: question.seed === undefined ? null : BigInt(question.seed),
        cut: false,
      },
    });
  const verdict = judge(receipt, question.onCheck);
  const text = textOf(model, verdict);
  return { text, shown, faithful: shown === text, receipt, verdict, rejected, judge };
}

/** The events of an answer. @throws {SdkError} `SDK_CUT_OFF` where the connection does not last that long */
async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  { url }: GatewayAccess,
  signal: AbortSignal | undefined,
): AsyncGenerator<unknown> {
  try {
    yield* readEvents(body);
  } catch (error) {
    // What fetch throws where a connection breaks; JSON that is none, or too large an event, says so itself.
    if (signal?.aborted || !(error instanceof TypeError)) throw error;
    throw new SdkError({ code: "SDK_CUT_OFF", url }, { cause: error });
  }
}

async function post(
  { url: base, apiKey }: GatewayAccess,
  question: Question & { readonly maxTokens: number },
): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify({
      model: question.model,
      messages: question.messages,
      stream: true,
      stream_options: { include_usage: true },
      deliver: question.onText === undefined ? "verified" : "live",
      max_tokens: question.maxTokens,
      ...(question.temperature === undefined ? {} : { temperature: question.temperature }),
      ...(question.topP === undefined ? {} : { top_p: question.topP }),
      ...(question.seed === undefined ? {} : { seed: question.seed }),
    }),
    ...(question.signal === undefined ? {} : { signal: question.signal }),
  }).catch((error: unknown) => {
    if (question.signal?.aborted) throw error;
    throw new SdkError({ code: "SDK_UNREACHABLE", url: base }, { cause: error });
  });
  if (!response.ok || response.body === null) {
    throw new SdkError({
      code: "SDK_GATEWAY",
      status: response.status,
      reason: errorOf(await response.json().catch(() => undefined)) ?? response.statusText,
    });
  }
  return response.body;
}

function textOf(model: ClientModel, { file }: Verdict): string {
  const stream = model.chat.textStream();
  const tokens = (file?.output ?? []).filter((token) => token < model.program.vocab);
  return tokens.map((token) => stream.push(token)).join("") + stream.end();
}

interface ReadEvent {
  readonly text?: string;
  readonly receipt?: Uint8Array;
  readonly error?: string;
  readonly attempts?: readonly RejectedAttempt[];
}

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

const textField = (value: unknown, name: string): string | undefined => {
  const found = field(value, name);
  return typeof found === "string" ? found : undefined;
};

const errorOf = (body: unknown): string | undefined => textField(field(body, "error"), "message");

function readEvent(event: unknown): ReadEvent {
  const choices = field(event, "choices");
  const delta = Array.isArray(choices) ? field(choices[0], "delta") : undefined;
  const text = textField(delta, "content");
  const receipt = textField(field(event, "assay"), "receipt");
  const error = errorOf(event);
  const rejected = field(field(event, "assay"), "rejected");
  return {
    ...(text === undefined ? {} : { text }),
    ...(receipt === undefined ? {} : { receipt: base64ToBytes(receipt) }),
    ...(error === undefined ? {} : { error }),
    ...(Array.isArray(rejected) ? { attempts: rejected.map(readAttempt) } : {}),
  };
}

const KINDS = ["refused", "failed", "invalid"] as const;

const readAttempt = (value: unknown): RejectedAttempt => ({
  worker: textField(value, "worker") ?? "unknown",
  kind: KINDS.find((kind) => kind === textField(value, "kind")) ?? "failed",
  reason: textField(value, "reason") ?? "unknown",
});
