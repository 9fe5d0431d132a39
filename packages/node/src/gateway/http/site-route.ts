/** The web page and the network file: what a browser needs to ask here and to check by itself. */

import type { Context } from "hono";
import { ApiError } from "./api-error.ts";
import type { RouteContext } from "./route.ts";

export function networkRoute(context: Context, { networkFile }: RouteContext): Response {
  if (networkFile === undefined) {
    const message =
      "this gateway's RPC may have a key in its URL, so neither it nor the page is served; its operator can give another with --public-rpc";
    throw new ApiError(404, "network_not_public", message);
  }
  return context.body(networkFile, 200, { "content-type": "application/json" });
}

/** A file of the page, or undefined where this path is none. */
export function siteResponse(context: Context, { site }: RouteContext): Response | undefined {
  const file = site.get(context.req.path);
  if (file === undefined || !["GET", "HEAD"].includes(context.req.method)) return undefined;
  const headers = { ...file.headers, "content-length": String(file.bytes.length) };
  return context.req.method === "HEAD"
    ? context.body(null, 200, headers)
    : context.body(file.bytes, 200, headers);
}
