/** A response as server-sent events: one JSON object each, in order, until the client leaves. */

import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { Logger } from "../../logger.ts";
import { ApiError, apiErrorOf, errorBody } from "./api-error.ts";
import { endRequest } from "./counting.ts";

export interface EventStreamOptions {
  readonly log: Logger;
  /** Whether `[DONE]` ends the stream, and each event is named. */
  readonly style: "completions" | "responses";
  readonly run: (send: (event: object) => void, signal: AbortSignal) => Promise<void>;
}

export function eventStream(context: Context, options: EventStreamOptions): Response {
  const { log, style, run } = options;
  return streamSSE(context, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    const signal = AbortSignal.any([gone.signal, context.req.raw.signal]);
    let writing = Promise.resolve();
    const send = (event: object): void => {
      const name = style === "responses" ? { event: String(Reflect.get(event, "type")) } : {};
      writing = writing.then(() => stream.writeSSE({ data: JSON.stringify(event), ...name }));
    };
    let status = 200;
    try {
      await run(send, signal);
    } catch (error) {
      status = signal.aborted ? 499 : (apiErrorOf(error)?.status ?? 500);
      if (!signal.aborted) {
        log.warn({ err: error }, "a streamed answer failed");
        send(failure(error, style));
      }
    }
    await writing;
    if (style === "completions" && !signal.aborted) await stream.writeSSE({ data: "[DONE]" });
    endRequest(context, status);
  });
}

function failure(error: unknown, style: EventStreamOptions["style"]): object {
  const text = "the answer failed; the gateway's log says why";
  const body = errorBody(apiErrorOf(error) ?? new ApiError(500, "internal", text));
  return style === "responses" ? { ...body.error, type: "error" } : body;
}
