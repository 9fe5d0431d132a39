/** OpenAPI 3.1 of the gateway, from the schemas that parse its requests. */

import { z } from "zod";
import { chatRequestSchema } from "./chat-request.ts";
import { completionsRequestSchema } from "./completions-request.ts";
import { verifyRequestSchema } from "./receipts-route.ts";
import { responsesRequestSchema } from "./responses-request.ts";

interface Operation {
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly type?: string;
}

const OPERATIONS: readonly Operation[] = [
  { method: "get", path: "/healthz", summary: "The process is there", type: "text/plain" },
  { method: "get", path: "/readyz", summary: "An answer can be given: which parts are ready" },
  {
    method: "get",
    path: "/metrics",
    summary: "Counters in Prometheus' format",
    type: "text/plain",
  },
  { method: "get", path: "/version", summary: "The version of this gateway" },
  { method: "get", path: "/openapi.json", summary: "This description" },
  { method: "get", path: "/network.json", summary: "The network file: chain and contracts" },
  { method: "get", path: "/v1/models", summary: "Models, with the program roots to pin" },
  { method: "get", path: "/v1/models/{id}", summary: "One model by its name or program root" },
  {
    method: "post",
    path: "/v1/chat/completions",
    summary: "Answers a dialogue; the receipts come in `assay`",
    body: chatRequestSchema,
  },
  {
    method: "post",
    path: "/v1/completions",
    summary: "Continues plain text or tokens; the receipts come in `assay`",
    body: completionsRequestSchema,
  },
  {
    method: "post",
    path: "/v1/responses",
    summary: "Answers text or messages; the receipt comes in `assay`",
    body: responsesRequestSchema,
  },
  {
    method: "get",
    path: "/v1/programs/{root}",
    summary: "The program with this root, for whoever verifies",
    type: "application/octet-stream",
  },
  {
    method: "get",
    path: "/v1/receipts/{id}",
    summary: "A receipt file, as bytes, or with Accept: application/json its values",
    type: "application/octet-stream",
  },
  {
    method: "post",
    path: "/v1/verify",
    summary: "This gateway's verdict on a receipt file; verify it yourself to trust nobody",
    body: verifyRequestSchema,
  },
  { method: "get", path: "/v1/workers", summary: "The workers that this gateway is connected to" },
  { method: "get", path: "/v1/tasks", summary: "Its latest orders, and what became of them" },
];

const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        param: { type: ["string", "null"] },
        code: { type: "string" },
      },
    },
  },
} as const;

export function openApi(version: string) {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    const path = paths[operation.path] ?? {};
    path[operation.method] = describe(operation);
    paths[operation.path] = path;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Assay gateway",
      version,
      description: "OpenAI-compatible; every answer comes with a receipt that anyone can verify.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: { schemas: { Error: ERROR } },
  };
}

function describe({ path, summary, body, type = "application/json" }: Operation): object {
  const error = { $ref: "#/components/schemas/Error" };
  return {
    summary,
    operationId: path.replace(/\W+/g, "_").replace(/^_|_$/g, ""),
    ...(path.includes("{id}")
      ? { parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }] }
      : {}),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: z.toJSONSchema(body, { io: "input" }) } },
          },
        }),
    responses: {
      200: { description: "Done", content: { [type]: {} } },
      default: { description: "Refused", content: { "application/json": { schema: error } } },
    },
  };
}
