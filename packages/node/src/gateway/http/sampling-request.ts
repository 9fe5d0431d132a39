/** What all requests for text have in common: how tokens are chosen, how many, and what is not carried out. */

import { MIN_TEMPERATURE, type Sampling, samplingFor } from "@assay/wire";
import { z } from "zod";

const MAX_CHOICES = 8;
const MAX_STOPS = 4;
const MAX_STOP_CHARACTERS = 256;

/** Fields whose meaning we do not carry out: refused rather than ignored, unless they ask for nothing. */
export const unsupported = {
  tools: z.array(z.never()).nullish(),
  tool_choice: z.enum(["none", "auto"]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(z.never()).nullish(),
  response_format: z.object({ type: z.literal("text") }).nullish(),
  presence_penalty: z.literal(0).nullish(),
  frequency_penalty: z.literal(0).nullish(),
  logit_bias: z.object({}).strict().nullish(),
  modalities: z.array(z.literal("text")).nullish(),
  audio: z.null().optional(),
  prediction: z.null().optional(),
  web_search_options: z.null().optional(),
  suffix: z.null().optional(),
  echo: z.literal(false).nullish(),
  best_of: z.literal(1).nullish(),
  /** Of responses. */
  previous_response_id: z.null().optional(),
  conversation: z.null().optional(),
  background: z.literal(false).nullish(),
  include: z.array(z.never()).nullish(),
  reasoning: z.object({}).strict().nullish(),
  truncation: z.literal("disabled").nullish(),
  prompt: z.null().optional(),
} as const;

/** Fields that change nothing about an answer: they say who asks. */
export const aside = {
  user: z.string().max(256).nullish(),
  safety_identifier: z.string().max(256).nullish(),
  prompt_cache_key: z.string().max(256).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  service_tier: z.enum(["auto", "default"]).nullish(),
} as const;

/** When the answer is delivered: after the gateway verified it, or token by token before that. */
export const deliver = z.enum(["verified", "live"]).nullish();

const stopText = z.string().min(1).max(MAX_STOP_CHARACTERS);

export const samplingFields = {
  temperature: z
    .number()
    .min(0)
    .max(2)
    .refine((t) => t === 0 || t >= MIN_TEMPERATURE, {
      error: `must be 0 (greedy) or between ${MIN_TEMPERATURE} and 2`,
    })
    .nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
} as const;

export const choiceFields = {
  ...samplingFields,
  seed: z.int().min(0).nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish(),
  stop: z.union([stopText, z.array(stopText).max(MAX_STOPS)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
} as const;

export interface ApiProblem {
  readonly message: string;
  readonly param: string | null;
}

/** The request, or the first thing that is wrong with it in OpenAI's terms. */
export function parseRequest<T extends z.ZodType>(
  schema: T,
  body: unknown,
): { readonly ok: true; readonly request: z.infer<T> } | ({ readonly ok: false } & ApiProblem) {
  const parsed = schema.safeParse(body);
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
export const samplingOf = (request: {
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
}): Sampling => samplingFor(request.temperature ?? 0, request.top_p ?? 1);

export const stopsOf = (stop: string | readonly string[] | null | undefined): readonly string[] => {
  if (stop == null) return [];
  return typeof stop === "string" ? [stop] : stop;
};
