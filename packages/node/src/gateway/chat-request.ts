/** `/v1/chat/completions`: what is taken from the request, and the errors for what is not. */

import { MIN_TEMPERATURE, type Sampling, samplingFor } from "@assay/wire";
import { z } from "zod";

const MAX_MESSAGES = 256;
const MAX_CONTENT_CHARACTERS = 65_536;

const text = z.string().max(MAX_CONTENT_CHARACTERS);
const content = z.union([
  text,
  z
    .array(z.object({ type: z.literal("text"), text }))
    .max(MAX_MESSAGES)
    .transform((parts) => parts.map((part) => part.text).join("")),
]);

/** Fields whose meaning we do not carry out: refused rather than ignored, unless they ask for nothing. */
const unsupported = {
  n: z.literal(1).nullish(),
  stop: z.null().optional(),
  tools: z.array(z.never()).nullish(),
  functions: z.array(z.never()).nullish(),
  response_format: z.object({ type: z.literal("text") }).nullish(),
  logprobs: z.literal(false).nullish(),
  top_logprobs: z.literal(0).nullish(),
  presence_penalty: z.literal(0).nullish(),
  frequency_penalty: z.literal(0).nullish(),
  logit_bias: z.object({}).strict().nullish(),
};

const chatRequestSchema = z.object({
  model: z.string().min(1).max(256),
  messages: z
    .array(z.object({ role: z.enum(["system", "developer", "user", "assistant"]), content }))
    .min(1)
    .max(MAX_MESSAGES),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .refine((t) => t === 0 || t >= MIN_TEMPERATURE, {
      error: `must be 0 (greedy) or between ${MIN_TEMPERATURE} and 2`,
    })
    .nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().min(0).nullish(),
  /** When the answer is delivered: after the gateway verified it, or token by token before that. */
  deliver: z.enum(["verified", "live"]).nullish(),
  ...unsupported,
});

export type ChatRequest = z.infer<typeof chatRequestSchema>;

export interface ApiProblem {
  readonly message: string;
  readonly param: string | null;
}

/** The request, or the first thing that is wrong with it in OpenAI's terms. */
export function parseChatRequest(
  body: unknown,
): { readonly ok: true; readonly request: ChatRequest } | ({ readonly ok: false } & ApiProblem) {
  const parsed = chatRequestSchema.safeParse(body);
  if (parsed.success) return { ok: true, request: parsed.data };
  const issue = parsed.error.issues[0];
  const param = issue === undefined ? null : issue.path.join(".");
  const name = issue?.path[0];
  if (typeof name === "string" && Object.hasOwn(unsupported, name)) {
    return { ok: false, param, message: `"${name}" is not supported here; leave it out` };
  }
  return { ok: false, param, message: `${param || "body"}: ${issue?.message ?? "is not valid"}` };
}

/** How the request wants its tokens chosen; greedy and untruncated where it does not say. */
export const samplingOf = (request: Pick<ChatRequest, "temperature" | "top_p">): Sampling =>
  samplingFor(request.temperature ?? 0, request.top_p ?? 1);
