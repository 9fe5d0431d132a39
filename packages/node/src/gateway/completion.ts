/** OpenAI's chat completion objects, whole and in chunks, with the receipt beside `usage`. */

import { bytesToHex, receiptHash } from "@assay/wire";
import type { Answer } from "./answer.ts";

export interface CompletionHead {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

const FINISH_NAMES = { 1: "stop", 2: "length", 3: "stop" } as const;

function usageOf({ file }: Answer) {
  const { promptTokens, outputTokens } = file.receipt;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
  };
}

/** The receipt file and what this gateway found; a client that checks by itself needs only the file. */
function assayOf({ file, bytes, verdict, rejected }: Answer) {
  return {
    receipt_id: `0x${bytesToHex(receiptHash(file.receipt))}`,
    receipt: Buffer.from(bytes).toString("base64"),
    worker: `0x${bytesToHex(file.order.worker)}`,
    program_root: `0x${bytesToHex(file.order.programRoot)}`,
    verified_by_gateway: verdict.ok,
    reason: verdict.reason,
    rejected: rejected.map(({ worker, kind, reason }) => ({ worker, kind, reason })),
  };
}

export const receiptIdOf = ({ file }: Answer): string =>
  `0x${bytesToHex(receiptHash(file.receipt))}`;

export function completionOf(head: CompletionHead, answer: Answer, content: string) {
  return {
    ...head,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, refusal: null },
        logprobs: null,
        finish_reason: FINISH_NAMES[answer.file.receipt.finishReason],
      },
    ],
    usage: usageOf(answer),
    assay: assayOf(answer),
  };
}

const chunk = (head: CompletionHead, delta: object, finish: string | null) => ({
  ...head,
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
});

export const firstChunk = (head: CompletionHead) =>
  chunk(head, { role: "assistant", content: "" }, null);

export const contentChunk = (head: CompletionHead, content: string) =>
  chunk(head, { content }, null);

export const finishChunk = (head: CompletionHead, answer: Answer) =>
  chunk(head, {}, FINISH_NAMES[answer.file.receipt.finishReason]);

/** Last in a stream: no choices, the usage, and the receipt. */
export const receiptChunk = (head: CompletionHead, answer: Answer) => ({
  ...head,
  object: "chat.completion.chunk",
  choices: [],
  usage: usageOf(answer),
  assay: assayOf(answer),
});
