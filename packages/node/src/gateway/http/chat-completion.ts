/** `/v1/chat/completions`: OpenAI's chat completion objects, whole and in chunks, with receipts beside `usage`. */

import type { Choice, HostedModel } from "../text-service.ts";
import { assayOf, finishOf, usageOf } from "./generation.ts";

export interface CompletionHead {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export function completionOf(head: CompletionHead, model: HostedModel, choices: readonly Choice[]) {
  return {
    ...head,
    object: "chat.completion",
    choices: choices.map((choice) => ({
      index: choice.index,
      message: { role: "assistant", content: choice.text, refusal: null },
      logprobs: logprobsOf(model, choice),
      finish_reason: finishOf(choice),
    })),
    usage: usageOf(choices, choices.length),
    assay: assayOf(choices),
  };
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** OpenAI's form; null where they were not asked for. */
function logprobsOf({ chat }: HostedModel, { scores }: Choice) {
  if (scores === undefined) return null;
  const entry = ({ token, logprob }: { readonly token: number; readonly logprob: number }) => {
    const bytes = chat.bytesOf(token);
    return { token: UTF8.decode(bytes), logprob, bytes: [...bytes] };
  };
  return {
    content: scores.map((scored) => ({ ...entry(scored), top_logprobs: scored.top.map(entry) })),
    refusal: null,
  };
}

const chunk = (
  head: CompletionHead,
  choice: {
    readonly index: number;
    readonly delta: object;
    readonly finish?: string;
    readonly logprobs?: object | null;
  },
) => ({
  ...head,
  object: "chat.completion.chunk",
  choices: [
    {
      index: choice.index,
      delta: choice.delta,
      logprobs: choice.logprobs ?? null,
      finish_reason: choice.finish ?? null,
    },
  ],
});

export const firstChunk = (head: CompletionHead, index: number) =>
  chunk(head, { index, delta: { role: "assistant", content: "" } });

export const contentChunk = (head: CompletionHead, index: number, content: string) =>
  chunk(head, { index, delta: { content } });

export const finishChunk = (head: CompletionHead, model: HostedModel, choice: Choice) =>
  chunk(head, {
    index: choice.index,
    delta: {},
    finish: finishOf(choice),
    logprobs: logprobsOf(model, choice),
  });

/** Last in a stream: no choices, the usage, and the receipts. */
export const receiptChunk = (head: CompletionHead, choices: readonly Choice[]) => ({
  ...head,
  object: "chat.completion.chunk",
  choices: [],
  usage: usageOf(choices, choices.length),
  assay: assayOf(choices),
});
