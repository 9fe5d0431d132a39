/** `/v1/chat/completions`: what is taken from the request, and the errors for what is not. */

import { z } from "zod";
import { aside, choiceFields, deliver, parseRequest, unsupported } from "./sampling-request.ts";

const MAX_MESSAGES = 256;
const MAX_CONTENT_CHARACTERS = 65_536;
const MAX_TOP_LOGPROBS = 20;

const text = z.string().max(MAX_CONTENT_CHARACTERS);

export const contentSchema = z.union([
  text,
  z
    .array(z.object({ type: z.enum(["text", "input_text", "output_text"]), text }))
    .max(MAX_MESSAGES)
    .transform((parts) => parts.map((part) => part.text).join("")),
]);

const messagesSchema = z
  .array(
    z.object({
      role: z.enum(["system", "developer", "user", "assistant"]),
      content: contentSchema,
    }),
  )
  .min(1)
  .max(MAX_MESSAGES);

const {
  suffix: _suffix,
  echo: _echo,
  best_of: _bestOf,
  previous_response_id: _previous,
  conversation: _conversation,
  background: _background,
  include: _include,
  reasoning: _reasoning,
  truncation: _truncation,
  prompt: _prompt,
  ...unsupportedInChat
} = unsupported;

export const chatRequestSchema = z.object({
  model: z.string().min(1).max(256),
  messages: messagesSchema,
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  ...choiceFields,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).nullish(),
  store: z.literal(false).nullish(),
  deliver,
  ...aside,
  ...unsupportedInChat,
});

export type ChatRequest = z.infer<typeof chatRequestSchema>;

export const parseChatRequest = (body: unknown) => parseRequest(chatRequestSchema, body);
