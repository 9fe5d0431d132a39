/** Counts requests with their status: a streamed one when its last byte is out. */

import type { Context, Next } from "hono";
import type { Metrics } from "../metrics.ts";

const ends = new WeakMap<Request, (status: number) => void>();

export async function countRequest(
  metrics: Metrics,
  context: Context,
  next: Next,
  route: string,
): Promise<void> {
  const end = metrics.request(route);
  ends.set(context.req.raw, end);
  await next();
  const type = context.res.headers.get("content-type") ?? "";
  if (!type.startsWith("text/event-stream")) end(context.res.status);
}

/** To call when a streamed response has ended. */
export function endRequest(context: Context, status: number): void {
  ends.get(context.req.raw)?.(status);
}
