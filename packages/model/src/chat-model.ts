/** The chat side of a program: its own tokenizer and template, as its root binds them (spec/06). */

import { type ChatMessage, encodeChat } from "./chat.ts";
import { ChatError } from "./chat-error.ts";
import type { AssetKind, Program } from "./program.ts";
import { createTokenizer, type TextDecoderOfTokens } from "./tokenizer.ts";

// biome-ignore lint/performance/noBarrelFile: the entry point of the subpath export
export { CHAT_ROLES, type ChatMessage, type ChatRole, encodeChat, renderChat } from "./chat.ts";
export { ChatError, type ChatErrorDetail } from "./chat-error.ts";
export { type CutText, createStopStream, cutAtStop, type StopStream } from "./stop.ts";

export interface ChatModel {
  /** The tokens of a prompt that asks for the assistant's next message. */
  renderPrompt(messages: readonly ChatMessage[]): number[];
  /** The tokens of plain text, without any template. */
  encodeText(text: string): number[];
  /** What a token stands for; none for special ones. */
  bytesOf(token: number): Uint8Array;
  /** Text of an answer's tokens as they come; end tokens have none. */
  textStream(): TextDecoderOfTokens;
}

/** @throws {ChatError} `CHAT_ASSET` if the program brings no tokenizer or no template */
export function createChatModel(program: Program): ChatModel {
  const tokenizer = createTokenizer(assetOf(program, "tokenizer"));
  const template = new TextDecoder("utf-8", { fatal: true }).decode(
    assetOf(program, "chatTemplate"),
  );
  return {
    renderPrompt: (messages) =>
      encodeChat(tokenizer, template, messages, { addGenerationPrompt: true }),
    encodeText: (text) => tokenizer.encode(text),
    bytesOf: (token) => tokenizer.bytesOf(token),
    textStream: () => tokenizer.createDecoder(),
  };
}

function assetOf(program: Program, kind: AssetKind): Uint8Array {
  const asset = program.assets.find((candidate) => candidate.kind === kind);
  if (asset === undefined) throw new ChatError({ code: "CHAT_ASSET", kind });
  return asset.data;
}
