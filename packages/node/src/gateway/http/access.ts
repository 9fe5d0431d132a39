/** Who may ask: this gateway's own name, no page of another site, and where keys are set, who has one. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { ApiError } from "./api-error.ts";

export interface AccessOptions {
  /** Host header values that are served: a page of another site must not reach a loopback service. */
  readonly hosts: ReadonlySet<string>;
  /** One of these is asked for, unless there are none. */
  readonly apiKeys: readonly string[];
}

/** Types of a body that a page of another site cannot send without asking first. */
const BODY_TYPES = /^application\/(json|octet-stream)\s*(;|$)/i;

/** Why the request is refused, or null. */
export function accessProblem(context: Context, options: AccessOptions): ApiError | null {
  return siteProblem(context, options) ?? keyProblem(context, options) ?? typeProblem(context);
}

function siteProblem(context: Context, { hosts }: AccessOptions): ApiError | null {
  const host = context.req.header("host") ?? "";
  if (!hosts.has(host)) {
    const message = `this gateway is not ${host || "without a Host header"}`;
    return new ApiError(421, "host_not_served", message);
  }
  const origin = context.req.header("origin");
  if (origin !== undefined && !hosts.has(origin.replace(/^https?:\/\//, ""))) {
    return new ApiError(403, "foreign_origin", `pages of ${origin} may not ask this gateway`);
  }
  return null;
}

function keyProblem(context: Context, { apiKeys }: AccessOptions): ApiError | null {
  if (apiKeys.length === 0 || !context.req.path.startsWith("/v1/")) return null;
  const given = /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "")?.[1];
  if (given === undefined) {
    return new ApiError(401, "missing_api_key", 'send "Authorization: Bearer KEY"');
  }
  // Every key is compared, each in constant time.
  const matches = apiKeys.filter((key) => timingSafeEqual(digestOf(key), digestOf(given)));
  return matches.length > 0
    ? null
    : new ApiError(401, "invalid_api_key", "this API key is not known here");
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

function typeProblem(context: Context): ApiError | null {
  const type = context.req.header("content-type") ?? "";
  const isVerify = context.req.path === "/v1/verify";
  const isTaken = isVerify ? BODY_TYPES.test(type) : /^application\/json\s*(;|$)/i.test(type);
  if (context.req.method !== "POST" || isTaken) return null;
  const also = isVerify ? " or application/octet-stream" : "";
  const message = `the content type of a body is application/json${also}`;
  return new ApiError(415, "unsupported_media_type", message);
}
