/** `/v1/completions`, the older API: a prompt as text or tokens, without roles or template. */

import { z } from "zod";
import { aside, choiceFields, deliver, parseRequest, unsupported } from "./sampling-request.ts";

const MAX_PROMPTS = 8;
const MAX_PROMPT_CHARACTERS = 262_144;
const MAX_PROMPT_TOKENS = 16_384;
const MAX_LOGPROBS = 5;

const text = z.string().max(MAX_PROMPT_CHARACTERS);
const tokens = z.array(z.int().min(0)).min(1).max(MAX_PROMPT_TOKENS);

export const completionsRequestSchema = z.object({
  model: z.string().min(1).max(256),
  prompt: z.union([
    text,
    tokens,
    z.array(text).min(1).max(MAX_PROMPTS),
    z.array(tokens).min(1).max(MAX_PROMPTS),
  ]),
  max_tokens: z.int().min(1).nullish(),
  ...choiceFields,
  logprobs: z.int().min(0).max(MAX_LOGPROBS).nullish(),
  deliver,
  user: aside.user,
  metadata: aside.metadata,
  suffix: unsupported.suffix,
  echo: unsupported.echo,
  best_of: unsupported.best_of,
  presence_penalty: unsupported.presence_penalty,
  frequency_penalty: unsupported.frequency_penalty,
  logit_bias: unsupported.logit_bias,
});

export type CompletionsRequest = z.infer<typeof completionsRequestSchema>;

export const parseCompletionsRequest = (body: unknown) =>
  parseRequest(completionsRequestSchema, body);

/** Each prompt as text or as tokens. */
export function promptsOf({ prompt }: CompletionsRequest): readonly (string | readonly number[])[] {
  if (typeof prompt === "string") return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

const isTokens = (prompt: CompletionsRequest["prompt"]): prompt is number[] =>
  Array.isArray(prompt) && typeof prompt[0] === "number";
