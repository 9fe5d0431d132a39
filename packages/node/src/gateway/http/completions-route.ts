/** `POST /v1/completions`: plain text in, text out, as the older API has it. */

import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import type { Choice, HostedModel, PreparedTask } from "../text-service.ts";
import {
  type CompletionsRequest,
  parseCompletionsRequest,
  promptsOf,
} from "./completions-request.ts";
import { eventStream } from "./events.ts";
import { assayOf, finishOf, generateAll, receiptIdOf, usageOf } from "./generation.ts";
import { bodyOf, type RouteContext } from "./route.ts";
import { samplingOf, stopsOf } from "./sampling-request.ts";

/** OpenAI's default of the older API. */
const DEFAULT_MAX_TOKENS = 16;

interface Head {
  readonly id: string;
  readonly object: "text_completion";
  readonly created: number;
  readonly model: string;
}

export async function completionsRoute(context: Context, route: RouteContext): Promise<Response> {
  const request = await bodyOf(context, parseCompletionsRequest);
  const model = await route.text.resolve(request.model);
  const wish = {
    maxTokens: request.max_tokens ?? DEFAULT_MAX_TOKENS,
    sampling: samplingOf(request),
    seed: request.seed,
    stops: stopsOf(request.stop),
    topLogprobs: request.logprobs ?? undefined,
  };
  const tasks = promptsOf(request).map((prompt) => route.text.preparePrompt(model, prompt, wish));
  const head: Head = {
    id: `cmpl-${randomUUID()}`,
    object: "text_completion",
    created: Math.floor(Date.now() / 1_000),
    model: request.model,
  };
  const count = request.n ?? 1;
  if (request.stream === true) {
    return eventStream(context, {
      log: route.log,
      style: "completions",
      run: (send, signal) => stream(route, { request, model, tasks, head, send, signal }),
    });
  }
  const { signal } = context.req.raw;
  const choices = await generateAll(route, tasks, { count, signal });
  context.header("X-Receipt-Id", choices.map(receiptIdOf).join(", "));
  return context.json({
    ...head,
    choices: choices.map((choice) => entryOf(model, choice, choice.text, finishOf(choice))),
    usage: usageOf(choices, count),
    assay: assayOf(choices),
  });
}

interface Streamed {
  readonly request: CompletionsRequest;
  readonly model: HostedModel;
  readonly tasks: readonly PreparedTask[];
  readonly head: Head;
  readonly send: (event: object) => void;
  readonly signal: AbortSignal;
}

async function stream(route: RouteContext, streamed: Streamed): Promise<void> {
  const { request, model, tasks, head, send, signal } = streamed;
  const count = request.n ?? 1;
  const onText = (index: number, text: string): void =>
    send({ ...head, choices: [{ index, text, logprobs: null, finish_reason: null }] });
  const live = request.deliver === "live" ? { onText } : {};
  const choices = await generateAll(route, tasks, { count, signal, ...live });
  for (const choice of choices) {
    const rest = request.deliver === "live" ? "" : choice.text;
    send({ ...head, choices: [entryOf(model, choice, rest, finishOf(choice))] });
  }
  send({ ...head, choices: [], usage: usageOf(choices, count), assay: assayOf(choices) });
}

function entryOf(model: HostedModel, choice: Choice, text: string, finish: string) {
  return {
    index: choice.index,
    text,
    logprobs: logprobsOf(model, choice),
    finish_reason: finish,
  };
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The older API's form: parallel lists. */
function logprobsOf({ chat }: HostedModel, { scores }: Choice) {
  if (scores === undefined) return null;
  const textOf = (token: number): string => UTF8.decode(chat.bytesOf(token));
  let offset = 0;
  const offsets = scores.map(({ token }) => {
    const at = offset;
    offset += textOf(token).length;
    return at;
  });
  return {
    tokens: scores.map(({ token }) => textOf(token)),
    token_logprobs: scores.map(({ logprob }) => logprob),
    top_logprobs: scores.map(({ top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [textOf(token), logprob])),
    ),
    text_offset: offsets,
  };
}
