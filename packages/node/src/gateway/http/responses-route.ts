/** `POST /v1/responses`: OpenAI's newer form, whole and as typed events. Nothing is stored but the receipt. */

import { randomUUID } from "node:crypto";
import { FINISH_REASONS } from "@assay/wire";
import type { Context } from "hono";
import type { Choice, PreparedTask } from "../text-service.ts";
import { eventStream } from "./events.ts";
import { assayOf, generateAll, receiptIdOf } from "./generation.ts";
import { messagesOf, parseResponsesRequest, type ResponsesRequest } from "./responses-request.ts";
import { bodyOf, type RouteContext } from "./route.ts";
import { samplingOf } from "./sampling-request.ts";

interface Ids {
  readonly response: string;
  readonly message: string;
  readonly createdAt: number;
}

export async function responsesRoute(context: Context, route: RouteContext): Promise<Response> {
  const request = await bodyOf(context, parseResponsesRequest);
  const model = await route.text.resolve(request.model);
  const task = route.text.prepareChat(model, messagesOf(request), {
    maxTokens: request.max_output_tokens,
    sampling: samplingOf(request),
  });
  const ids: Ids = {
    response: `resp_${randomUUID().replaceAll("-", "")}`,
    message: `msg_${randomUUID().replaceAll("-", "")}`,
    createdAt: Math.floor(Date.now() / 1_000),
  };
  if (request.stream === true) {
    return eventStream(context, {
      log: route.log,
      style: "responses",
      run: (send, signal) => stream(route, { request, task, ids, send, signal }),
    });
  }
  const { signal } = context.req.raw;
  const [choice] = await generateAll(route, [task], { count: 1, signal });
  if (choice === undefined) throw new RangeError("one answer was asked for");
  context.header("X-Receipt-Id", receiptIdOf(choice));
  return context.json(responseOf(request, ids, choice));
}

const partOf = (text: string) => ({
  type: "output_text",
  text,
  annotations: [],
  logprobs: [],
});

const messageOf = (ids: Ids, status: string, content: readonly object[]) => ({
  id: ids.message,
  type: "message",
  role: "assistant",
  status,
  content,
});

const isCutShort = ({ answer }: Choice): boolean =>
  answer.file.receipt.finishReason === FINISH_REASONS.length;

/** The response object; in progress while there is no choice. */
function responseOf(request: ResponsesRequest, ids: Ids, choice?: Choice) {
  const base = {
    id: ids.response,
    object: "response",
    created_at: ids.createdAt,
    model: request.model,
    error: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: false,
    previous_response_id: null,
    reasoning: null,
    store: false,
    temperature: request.temperature ?? 0,
    text: { format: { type: "text" } },
    tool_choice: "none",
    tools: [],
    top_p: request.top_p ?? 1,
    truncation: "disabled",
    user: request.user ?? null,
  };
  if (choice === undefined) {
    return { ...base, status: "in_progress", incomplete_details: null, output: [], usage: null };
  }
  const { promptTokens, outputTokens } = choice.answer.file.receipt;
  const short = isCutShort(choice);
  const status = short ? "incomplete" : "completed";
  return {
    ...base,
    status,
    incomplete_details: short ? { reason: "max_output_tokens" } : null,
    output: [messageOf(ids, status, [partOf(choice.text)])],
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: promptTokens + outputTokens,
    },
    assay: assayOf([choice]),
  };
}

interface Streamed {
  readonly request: ResponsesRequest;
  readonly task: PreparedTask;
  readonly ids: Ids;
  readonly send: (event: object) => void;
  readonly signal: AbortSignal;
}

async function stream(route: RouteContext, streamed: Streamed): Promise<void> {
  const { request, task, ids, signal } = streamed;
  let number = 0;
  const send = (type: string, fields: object): void => {
    streamed.send({ type, sequence_number: number, ...fields });
    number += 1;
  };
  const place = { item_id: ids.message, output_index: 0, content_index: 0 };
  const begun = responseOf(request, ids);
  send("response.created", { response: begun });
  send("response.in_progress", { response: begun });
  send("response.output_item.added", {
    output_index: 0,
    item: messageOf(ids, "in_progress", []),
  });
  send("response.content_part.added", { ...place, part: partOf("") });
  const onText = (_index: number, delta: string): void =>
    send("response.output_text.delta", { ...place, delta, logprobs: [] });
  const live = request.deliver === "live" ? { onText } : {};
  const [choice] = await generateAll(route, [task], { count: 1, signal, ...live });
  if (choice === undefined) throw new RangeError("one answer was asked for");
  if (request.deliver !== "live" && choice.text !== "") onText(0, choice.text);
  const response = responseOf(request, ids, choice);
  const part = partOf(choice.text);
  send("response.output_text.done", { ...place, text: choice.text, logprobs: [] });
  send("response.content_part.done", { ...place, part });
  send("response.output_item.done", {
    output_index: 0,
    item: messageOf(ids, response.status, [part]),
  });
  send(`response.${response.status}`, { response });
}
