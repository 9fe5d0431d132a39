/** The gateway's HTTP API: OpenAI's chat completions and models, receipts, health. */

import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { Logger } from "../logger.ts";
import { AnswerError } from "./answer.ts";
import { type ChatRequest, parseChatRequest } from "./chat-request.ts";
import { ApiError, type ChatService, type PreparedTask } from "./chat-service.ts";
import {
  type CompletionHead,
  completionOf,
  contentChunk,
  finishChunk,
  firstChunk,
  receiptChunk,
  receiptIdOf,
} from "./completion.ts";
import type { ReceiptShelf } from "./order-book.ts";

const MAX_BODY_BYTES = 1024 * 1024;

export interface AppOptions {
  readonly chat: ChatService;
  readonly book: ReceiptShelf;
  /** Host header values that are served: a page of another site must not reach a loopback service. */
  readonly hosts: ReadonlySet<string>;
  readonly ready: () => boolean;
  readonly log: Logger;
}

export function createApp(options: AppOptions): Hono {
  const app = new Hono();
  guard(app, options);
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", (context) =>
    options.ready() ? context.text("ready\n") : context.text("no worker yet\n", 503),
  );
  app.get("/v1/models", async (context) =>
    context.json({ object: "list", data: await options.chat.models() }),
  );
  app.get("/v1/receipts/:id", (context) =>
    receiptResponse(context, options.book, context.req.param("id")),
  );
  app.post("/v1/chat/completions", (context) => completeChat(context, options));
  return app;
}

/** What holds for every route: who may ask, the size of a body, errors in OpenAI's form. */
function guard(app: Hono, { hosts, log }: AppOptions): void {
  app.use((context, next) => {
    const error = siteProblem(context, hosts);
    return error === null ? next() : Promise.resolve(problem(context, error));
  });
  app.use(
    "/v1/*",
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => {
        const message = `a body has at most ${MAX_BODY_BYTES} bytes`;
        return problem(context, new ApiError(413, "body_too_large", message));
      },
    }),
  );
  app.onError((error, context) => {
    if (error instanceof ApiError) return problem(context, error);
    if (error instanceof AnswerError) {
      return problem(context, new ApiError(503, "no_worker", error.message));
    }
    log.error({ err: error, path: context.req.path }, "request failed");
    return problem(context, new ApiError(500, "internal", "the gateway failed; its log says why"));
  });
  app.notFound((context) => {
    const message = `there is no ${context.req.method} ${context.req.path}`;
    return problem(context, new ApiError(404, "not_found", message));
  });
}

/** Keeps out the pages of other sites, which a browser on this machine may have open. */
function siteProblem(context: Context, hosts: ReadonlySet<string>): ApiError | null {
  const host = context.req.header("host") ?? "";
  if (!hosts.has(host)) {
    const message = `this gateway is not ${host || "without a Host header"}`;
    return new ApiError(421, "host_not_served", message);
  }
  const origin = context.req.header("origin");
  if (origin !== undefined && !hosts.has(origin.replace(/^http:\/\//, ""))) {
    return new ApiError(403, "foreign_origin", `pages of ${origin} may not ask this gateway`);
  }
  // What a page may send without asking first is no JSON.
  const type = context.req.header("content-type") ?? "";
  if (context.req.method === "POST" && !/^application\/json\s*(;|$)/i.test(type)) {
    const message = "the content type of a body is application/json";
    return new ApiError(415, "unsupported_media_type", message);
  }
  return null;
}

async function receiptResponse(
  context: Context,
  book: ReceiptShelf,
  text: string,
): Promise<Response> {
  const id = text.replace(/^0x/, "");
  const file = /^[0-9a-f]{64}$/.test(id) ? await book.find(id) : undefined;
  if (file === undefined) {
    throw new ApiError(404, "receipt_not_found", "this gateway holds no such receipt");
  }
  return context.body(file.slice().buffer, 200, { "content-type": "application/octet-stream" });
}

async function completeChat(context: Context, { chat, log }: AppOptions): Promise<Response> {
  const request = await readRequest(context);
  const head = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1_000),
    model: request.model,
  };
  const { signal } = context.req.raw;
  const task = await chat.prepare(request);
  if (request.stream === true) {
    const live = request.deliver === "live";
    return streamSSE(context, (stream) =>
      streamAnswer({ stream, chat, head, task, live, log, requestSignal: signal }),
    );
  }
  const answer = await chat.answer(task, { signal });
  context.header("X-Receipt-Id", receiptIdOf(answer));
  return context.json(completionOf(head, answer, chat.text(task, answer.file.output)));
}

interface StreamedAnswer {
  readonly stream: SSEStreamingApi;
  readonly chat: ChatService;
  readonly head: CompletionHead;
  readonly task: PreparedTask;
  readonly live: boolean;
  readonly log: Logger;
  readonly requestSignal: AbortSignal;
}

async function streamAnswer(options: StreamedAnswer): Promise<void> {
  const { stream, chat, head, task, live, log } = options;
  const gone = new AbortController();
  stream.onAbort(() => gone.abort());
  const signal = AbortSignal.any([gone.signal, options.requestSignal]);
  let writing = Promise.resolve();
  const send = (value: object): void => {
    writing = writing.then(() => stream.writeSSE({ data: JSON.stringify(value) }));
  };
  send(firstChunk(head));
  try {
    const text = chat.textStream(task);
    const onTokens = (tokens: readonly number[]): void => {
      const content = text.push(tokens);
      if (content !== "") send(contentChunk(head, content));
    };
    const answer = await chat.answer(task, { signal, ...(live ? { onTokens } : {}) });
    if (!live) onTokens(answer.file.output);
    const rest = text.end();
    if (rest !== "") send(contentChunk(head, rest));
    send(finishChunk(head, answer));
    send(receiptChunk(head, answer));
  } catch (error) {
    if (signal.aborted) return;
    log.warn({ err: error }, "a streamed answer failed");
    send({ error: streamProblem(error) });
  }
  await writing;
  await stream.writeSSE({ data: "[DONE]" });
}

function streamProblem(error: unknown): object {
  const known = error instanceof ApiError || error instanceof AnswerError;
  const message = known ? error.message : "the answer failed; the gateway's log says why";
  return { message, type: "server_error", param: null, code: "answer_failed" };
}

async function readRequest(context: Context): Promise<ChatRequest> {
  let body: unknown;
  try {
    body = await context.req.json();
  } catch {
    throw new ApiError(400, "invalid_json", "the body is not JSON");
  }
  const parsed = parseChatRequest(body);
  if (!parsed.ok) throw new ApiError(400, "invalid_request", parsed.message, parsed.param);
  return parsed.request;
}

/** OpenAI's error body. */
function problem(context: Context, error: ApiError): Response {
  const type = error.status >= 500 ? "server_error" : "invalid_request_error";
  return context.json(
    { error: { message: error.message, type, param: error.param, code: error.code } },
    error.status,
  );
}
