/** `POST /v1/chat/completions`. */

import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import type { Choice, HostedModel, PreparedTask } from "../text-service.ts";
import {
  type CompletionHead,
  completionOf,
  contentChunk,
  finishChunk,
  firstChunk,
  receiptChunk,
} from "./chat-completion.ts";
import { type ChatRequest, parseChatRequest } from "./chat-request.ts";
import { eventStream } from "./events.ts";
import { generateAll, receiptIdOf } from "./generation.ts";
import { bodyOf, type RouteContext } from "./route.ts";
import { samplingOf, stopsOf } from "./sampling-request.ts";

export async function chatRoute(context: Context, route: RouteContext): Promise<Response> {
  const request = await bodyOf(context, parseChatRequest);
  const model = await route.text.resolve(request.model);
  const task = route.text.prepareChat(model, request.messages, {
    maxTokens: request.max_completion_tokens ?? request.max_tokens,
    sampling: samplingOf(request),
    seed: request.seed,
    stops: stopsOf(request.stop),
    topLogprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : undefined,
  });
  const head: CompletionHead = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1_000),
    model: request.model,
    system_fingerprint: route.fingerprint(model),
  };
  if (request.stream === true) {
    return eventStream(context, {
      log: route.log,
      style: "completions",
      run: (send, signal) => streamChat(route, { request, model, task, head, send, signal }),
    });
  }
  const { signal } = context.req.raw;
  const choices = await generateAll(route, [task], { count: request.n ?? 1, signal });
  context.header("X-Receipt-Id", choices.map(receiptIdOf).join(", "));
  return context.json(completionOf(head, model, choices));
}

interface StreamedChat {
  readonly request: ChatRequest;
  readonly model: HostedModel;
  readonly task: PreparedTask;
  readonly head: CompletionHead;
  readonly send: (event: object) => void;
  readonly signal: AbortSignal;
}

async function streamChat(route: RouteContext, streamed: StreamedChat): Promise<void> {
  const { request, model, task, head, send, signal } = streamed;
  const count = request.n ?? 1;
  for (let index = 0; index < count; index++) send(firstChunk(head, index));
  const onText = (index: number, text: string): void => send(contentChunk(head, index, text));
  const live = request.deliver === "live" ? { onText } : {};
  const choices: readonly Choice[] = await generateAll(route, [task], { count, signal, ...live });
  for (const choice of choices) {
    if (request.deliver !== "live" && choice.text !== "") onText(choice.index, choice.text);
    send(finishChunk(head, model, choice));
  }
  send(receiptChunk(head, choices));
}
