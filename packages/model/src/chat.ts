/**
 * A dialogue → the tokens of a prompt (spec/06 §6.3).
 *
 * The template never sees what the messages say. It is rendered with placeholders, the text around them is the
 * template's, and only there do added tokens count: a message cannot end its own turn or start another's.
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { ChatError } from "./chat-error.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Roles that a message can have; the template reads them as text. */
export const CHAT_ROLES = ["system", "user", "assistant", "tool"] as const;
export type ChatRole = (typeof CHAT_ROLES)[number];

export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
}

export interface ChatOptions {
  /** Whether the prompt ends where the assistant's answer begins. */
  readonly addGenerationPrompt: boolean;
}

/** A part of the prompt's text; in the template's, added tokens count. */
export interface ChatSegment {
  readonly source: "template" | "content";
  readonly text: string;
}

/** Unicode noncharacters: reserved for use inside a program, never part of a text for interchange. */
const OPEN = "\uFDD0";
const CLOSE = "\uFDD1";
const PLACEHOLDER = /\uFDD0(\d+)\uFDD1/u;

const placeholder = (index: number): string => `${OPEN}${index}${CLOSE}`;

const hasReserved = (text: string): boolean => text.includes(OPEN) || text.includes(CLOSE);

/** What the template can name besides its variables: no clock and nothing else that differs from one run to the next. */
function createEnvironment(): Environment {
  const environment = new Environment();
  for (const [name, value] of [
    ["true", true],
    ["false", false],
    ["none", null],
    ["True", true],
    ["False", false],
    ["None", null],
  ] as const) {
    environment.set(name, value);
  }
  environment.set("raise_exception", (reason: unknown) => {
    throw new ChatError({ code: "CHAT_REFUSED", reason: String(reason) });
  });
  return environment;
}

function renderPlaceholders(
  template: string,
  messages: readonly ChatMessage[],
  { addGenerationPrompt }: ChatOptions,
): string {
  const environment = createEnvironment();
  environment.set(
    "messages",
    messages.map(({ role }, index) => ({ role, content: placeholder(index) })),
  );
  environment.set("add_generation_prompt", addGenerationPrompt);
  try {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    const result = new Interpreter(environment).run(program);
    return String(result.value);
  } catch (error) {
    if (error instanceof ChatError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ChatError({ code: "CHAT_TEMPLATE", reason }, { cause: error });
  }
}

/**
 * Renders a template and tells its own text from the messages'.
 *
 * @param template Jinja, as in the `chat_template` of a Hugging Face folder
 * @throws {ChatError}
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  options: ChatOptions,
): ChatSegment[] {
  if (hasReserved(template)) throw new ChatError({ code: "CHAT_RESERVED" });
  for (const { role } of messages) {
    if (!CHAT_ROLES.includes(role)) throw new ChatError({ code: "CHAT_ROLE", role });
  }
  const rendered = renderPlaceholders(template, messages, options);
  const segments = rendered.split(PLACEHOLDER).map((part, i): ChatSegment => {
    if (i % 2 === 0) return { source: "template", text: part };
    const message = messages[Number(part)];
    if (message === undefined) throw new ChatError({ code: "CHAT_CUT" });
    return { source: "content", text: message.content };
  });
  if (segments.some(({ source, text }) => source === "template" && hasReserved(text))) {
    throw new ChatError({ code: "CHAT_CUT" });
  }
  return segments.filter(({ text }) => text !== "");
}

/**
 * The prompt's tokens.
 *
 * @throws {ChatError}
 * @throws {TokenizerError} if a message is not Unicode text
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: string,
  messages: readonly ChatMessage[],
  options: ChatOptions,
): number[] {
  return renderChat(template, messages, options).flatMap(({ source, text }) =>
    tokenizer.encode(text, { addedTokens: source === "template" }),
  );
}
