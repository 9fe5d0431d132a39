/** `/v1/responses`: one answer to text or messages. What it would keep or call on its own is refused. */

import { z } from "zod";
import { contentSchema } from "./chat-request.ts";
import { aside, deliver, parseRequest, samplingFields, unsupported } from "./sampling-request.ts";

const MAX_ITEMS = 256;

const message = z.object({
  type: z.literal("message").optional(),
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: contentSchema,
});

export const responsesRequestSchema = z.object({
  model: z.string().min(1).max(256),
  input: z.union([z.string().max(65_536), z.array(message).min(1).max(MAX_ITEMS)]),
  instructions: z.string().max(65_536).nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  ...samplingFields,
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_obfuscation: z.boolean().nullish() }).nullish(),
  /** Nothing is kept but the receipt: leave it out, or say false. */
  store: z.literal(false).nullish(),
  text: z.object({ format: z.object({ type: z.literal("text") }).optional() }).nullish(),
  top_logprobs: z.literal(0).nullish(),
  deliver,
  ...aside,
  tools: unsupported.tools,
  tool_choice: unsupported.tool_choice,
  parallel_tool_calls: unsupported.parallel_tool_calls,
  previous_response_id: unsupported.previous_response_id,
  conversation: unsupported.conversation,
  background: unsupported.background,
  include: unsupported.include,
  reasoning: unsupported.reasoning,
  truncation: unsupported.truncation,
  prompt: unsupported.prompt,
});

export type ResponsesRequest = z.infer<typeof responsesRequestSchema>;

export const parseResponsesRequest = (body: unknown) => parseRequest(responsesRequestSchema, body);

/** The dialogue that it asks to be continued. */
export function messagesOf({ input, instructions }: ResponsesRequest) {
  const items = typeof input === "string" ? [{ role: "user" as const, content: input }] : input;
  const first = instructions == null ? [] : [{ role: "system" as const, content: instructions }];
  return [...first, ...items.map(({ role, content }) => ({ role, content }))];
}
