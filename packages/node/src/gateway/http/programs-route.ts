/** `GET /v1/programs/{root}`: the program itself, for whoever verifies. Its root is what a client checks it by. */

import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import type { Context } from "hono";
import { ApiError } from "./api-error.ts";
import type { RouteContext } from "./route.ts";

export function programRoute(context: Context, { programPath }: RouteContext): Response {
  const root = (context.req.param("root") ?? "").replace(/^0x/, "");
  const path = programPath(root);
  if (path === undefined) {
    throw new ApiError(404, "program_not_found", "this gateway holds no program with this root");
  }
  const headers = {
    "content-type": "application/octet-stream",
    "cache-control": "private, max-age=31536000, immutable",
    etag: `"${root}"`,
  };
  if (context.req.header("if-none-match") === headers.etag) return context.body(null, 304, headers);
  const length = String(statSync(path).size);
  if (context.req.method === "HEAD") {
    return context.body(null, 200, { ...headers, "content-length": length });
  }
  return new Response(Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>, {
    headers: { ...headers, "content-length": length },
  });
}
