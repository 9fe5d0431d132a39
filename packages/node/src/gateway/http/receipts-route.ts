/** `GET /v1/receipts/{id}` and `POST /v1/verify`: receipts that this gateway holds, and verdicts on any. */

import type { Verdict } from "@assay/verifier";
import { bytesToHex, decodeReceiptFile, MAX_RECEIPT_FILE_BYTES } from "@assay/wire";
import type { Context } from "hono";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { bodyOf, type RouteContext } from "./route.ts";
import { parseRequest } from "./sampling-request.ts";

export async function receiptRoute(context: Context, route: RouteContext): Promise<Response> {
  const id = (context.req.param("id") ?? "").replace(/^0x/, "");
  const file = /^[0-9a-f]{64}$/.test(id) ? await route.shelf.find(id) : undefined;
  if (file === undefined) {
    throw new ApiError(404, "receipt_not_found", "this gateway holds no such receipt");
  }
  if ((context.req.header("accept") ?? "").includes("application/json")) {
    return context.json({
      object: "receipt",
      id: `0x${id}`,
      file: Buffer.from(file).toString("base64"),
      ...plain(decodeReceiptFile(file)),
    });
  }
  return context.body(new Uint8Array(file), 200, { "content-type": "application/octet-stream" });
}

/** Bytes as hexadecimal and big numbers as text, so that JSON has them. */
function plain(value: object): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(value, (_key, field: unknown) => {
      if (typeof field === "bigint") return field.toString();
      return field instanceof Uint8Array ? `0x${bytesToHex(field)}` : field;
    }),
  );
}

export const verifyRequestSchema = z.object({
  /** The receipt file. */
  receipt: z.base64().max(Math.ceil(MAX_RECEIPT_FILE_BYTES / 3) * 4),
});

export async function verifyRoute(context: Context, route: RouteContext): Promise<Response> {
  const verdict = await route.verify(await fileOf(context));
  route.metrics.verified(verdict.ok);
  return context.json(verdictBody(verdict));
}

async function fileOf(context: Context): Promise<Uint8Array> {
  const type = context.req.header("content-type") ?? "";
  if (type.startsWith("application/octet-stream")) {
    return new Uint8Array(await context.req.arrayBuffer());
  }
  const parse = (body: unknown) => parseRequest(verifyRequestSchema, body);
  const { receipt } = await bodyOf(context, parse);
  return new Uint8Array(Buffer.from(receipt, "base64"));
}

function verdictBody({ ok, reason, checks, assurance, receiptHash }: Verdict) {
  return {
    object: "verdict",
    ok,
    reason,
    receipt_id: receiptHash === null ? null : `0x${bytesToHex(receiptHash)}`,
    checks,
    assurance,
    note: "computed by this gateway; to trust nobody, verify the file yourself",
  };
}
