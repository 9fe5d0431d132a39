/** Errors as OpenAI's API says them. */

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { isDiskFull } from "../../store/database.ts";
import { AnswerError } from "../answer.ts";
import { TaskError } from "../run-order.ts";

/** An error with OpenAI's code, parameter and HTTP status. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly param: string | null;
  /** Seconds after which to try again. */
  readonly retryAfter: number | undefined;

  constructor(
    status: ContentfulStatusCode,
    code: string,
    message: string,
    param: string | null = null,
    options: { readonly retryAfter?: number; readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    this.param = param;
    this.retryAfter = options.retryAfter;
  }
}

/** How long a client that was turned away should wait. */
const RETRY_AFTER_SECONDS = 2;

/** What an error means to a client; undefined for one that is the gateway's own. */
export function apiErrorOf(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof TaskError) {
    // Only of an answer that was being shown as it came: another worker would have been asked for any other.
    const message = `${error.message}, in the middle of an answer; what came of it is not verified, ask again`;
    return new ApiError(502, "worker_failed", message);
  }
  if (isDiskFull(error)) {
    const message = "the gateway's disk is full, and what it could not keep it does not promise";
    return new ApiError(507, "storage_full", message, null, { cause: error });
  }
  if (!(error instanceof AnswerError)) return undefined;
  if (error.detail.code === "BUSY") {
    return new ApiError(429, "rate_limit_exceeded", error.message, null, {
      retryAfter: RETRY_AFTER_SECONDS,
    });
  }
  return new ApiError(503, "no_worker", error.message);
}

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};

/** OpenAI's error object. */
export function errorBody(error: ApiError) {
  const { message, param, code, status } = error;
  const type = TYPES[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
  return { error: { message, type, param, code } };
}

export function problem(context: Context, error: ApiError): Response {
  if (error.retryAfter !== undefined) context.header("Retry-After", String(error.retryAfter));
  return context.json(errorBody(error), error.status);
}
