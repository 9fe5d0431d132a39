/** A request for a chat completion, read by the client's own side before it is sent. */

import type { ChatMessage } from "@assay/model/chat";
import { type Sampling, samplingFor } from "@assay/wire";
import { isObject, type JsonObject, numberOf, parseJson } from "./json.ts";
import type { ClientModel } from "./model.ts";
import { SdkError } from "./sdk-error.ts";

/** What a gateway takes where the request sets no limit: sent along, so that it can be checked. */
const DEFAULT_MAX_TOKENS = 256;

/** What a client asked for, as its answer is going to be checked. */
export interface Asked {
  readonly model: ClientModel;
  readonly body: JsonObject;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly stops: readonly string[];
  readonly count: number;
  readonly sampling: Sampling;
  readonly seed: number | undefined;
}

/** The request as the gateway is to carry it out, with what it leaves open made explicit. */
export async function understand(
  text: string,
  modelOf: (name: string) => Promise<ClientModel>,
): Promise<Asked> {
  const body = parseJson(text);
  if (!isObject(body)) throw new SdkError({ code: "SDK_REQUEST", reason: "it is no object" });
  const model = await modelOf(String(body["model"]));
  const prompt = model.chat.renderPrompt(messagesOf(body["messages"]));
  const room = Math.max(1, model.program.context - prompt.length + 1);
  const wanted = numberOf(body["max_completion_tokens"]) ?? numberOf(body["max_tokens"]);
  const maxTokens = Math.min(wanted ?? DEFAULT_MAX_TOKENS, room);
  const { max_tokens: _older, ...rest } = body;
  return {
    model,
    prompt,
    maxTokens,
    body: { ...rest, max_completion_tokens: maxTokens },
    stops: stopsOf(body["stop"]),
    count: numberOf(body["n"]) ?? 1,
    sampling: samplingFor(numberOf(body["temperature"]) ?? 0, numberOf(body["top_p"]) ?? 1),
    seed: numberOf(body["seed"]),
  };
}

const stopsOf = (stop: unknown): readonly string[] =>
  typeof stop === "string" ? [stop] : textsOf(stop);

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];

function messagesOf(value: unknown): readonly ChatMessage[] {
  if (!Array.isArray(value)) throw new SdkError({ code: "SDK_REQUEST", reason: "no messages" });
  return value.map((message: unknown) => {
    const role = isObject(message) ? message["role"] : undefined;
    const content = isObject(message) ? message["content"] : undefined;
    return { role: roleOf(role), content: contentOf(content) };
  });
}

function roleOf(role: unknown): ChatMessage["role"] {
  if (role === "developer" || role === "system") return "system";
  if (role === "user" || role === "assistant") return role;
  const reason = `a message of the role ${JSON.stringify(role)} cannot be rendered here`;
  throw new SdkError({ code: "SDK_REQUEST", reason });
}

function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  const parts = Array.isArray(content) ? content : [undefined];
  return parts
    .map((part: unknown) => {
      const text = isObject(part) ? part["text"] : undefined;
      if (typeof text === "string") return text;
      throw new SdkError({ code: "SDK_REQUEST", reason: "a message's content is not text" });
    })
    .join("");
}
