/**
 * Text ↔ token ids by a byte-level BPE (spec/06 §6.2).
 *
 * The pieces of a text and their merges are `@huggingface/tokenizers`'; added tokens such as `<|im_end|>` are not its
 * business here: it never hears of them, so plain text cannot yield one, whatever it says.
 */

import { Tokenizer as BytePairEncoder } from "@huggingface/tokenizers";
import { TokenizerError } from "./tokenizer-error.ts";
import { type AddedToken, readTokenizerFile } from "./tokenizer-file.ts";

// biome-ignore lint/performance/noBarrelFile: the entry point of the subpath export
export { TokenizerError, type TokenizerErrorDetail } from "./tokenizer-error.ts";

export interface EncodeOptions {
  /** Recognise added tokens in the text. Only for text that no user wrote. Default: false. */
  readonly addedTokens?: boolean;
}

/** Text of tokens that arrive one by one. */
export interface TextDecoderOfTokens {
  /** The text that this token completes: never half a character, and maybe none. */
  push(token: number): string;
  /** What is left of an unfinished character, as U+FFFD. The decoder is done. */
  end(): string;
}

export interface Tokenizer {
  /** Ids are below this. */
  readonly size: number;
  /** @throws {TokenizerError} if the text has a lone surrogate, which no UTF-8 has */
  encode(text: string, options?: EncodeOptions): number[];
  /** Special tokens have no text. @throws {TokenizerError} for an id that there is not */
  decode(tokens: readonly number[]): string;
  createDecoder(): TextDecoderOfTokens;
  /** What a token stands for; none for special ones. @throws {TokenizerError} for an id that there is not */
  bytesOf(token: number): Uint8Array;
  /** The id of an added token by its content. */
  addedToken(content: string): number | undefined;
}

/**
 * The GPT-2 map between a byte and the printable character that stands for it in a vocabulary: printable Latin-1 stands
 * for itself, the rest for U+0100 onwards in order.
 */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 255 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : next++),
  );
})();

const BYTE_OF: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/** The bytes that a vocabulary entry stands for. */
function bytesOfEntry(entry: string, token: number): Uint8Array {
  return Uint8Array.from(entry, (character) => {
    const byte = BYTE_OF.get(character);
    if (byte === undefined) throw new TokenizerError({ code: "TOKENIZER_ENTRY", entry, token });
    return byte;
  });
}

function tokenBytes(
  vocab: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
): Uint8Array[] {
  const bytes: Uint8Array[] = [];
  for (const [entry, token] of vocab) bytes[token] = bytesOfEntry(entry, token);
  const encoder = new TextEncoder();
  for (const { content, id, special } of added) {
    bytes[id] = special ? new Uint8Array(0) : encoder.encode(content);
  }
  return bytes;
}

/** Cuts the text at added tokens: at each place, from left to right, the longest that starts there. */
function* cut(text: string, added: readonly AddedToken[]): Generator<string | AddedToken> {
  let plain = 0;
  for (let at = 0; at < text.length; ) {
    const found = added.find(({ content }) => text.startsWith(content, at));
    if (found === undefined) {
      at++;
      continue;
    }
    if (at > plain) yield text.slice(plain, at);
    yield found;
    at += found.content.length;
    plain = at;
  }
  if (plain < text.length) yield text.slice(plain);
}

/**
 * A tokenizer from the text or bytes of `tokenizer.json`.
 *
 * @throws {TokenizerError} if it is not a byte-level BPE that spec/06 §6.2 describes
 */
export function createTokenizer(json: Uint8Array | string): Tokenizer {
  const file = readTokenizerFile(json);
  for (const character of BYTE_CHARACTERS) {
    if (!file.vocab.has(character)) {
      throw new TokenizerError({ code: "TOKENIZER_BYTE_MISSING", character });
    }
  }
  const bytes = tokenBytes(file.vocab, file.addedTokens);
  const longestFirst = [...file.addedTokens].sort((a, b) => b.content.length - a.content.length);
  const encoder = new BytePairEncoder(file.withoutAddedTokens, {});
  const encodePlain = (text: string): number[] =>
    text === "" ? [] : encoder.encode(text, { add_special_tokens: false }).ids;

  function bytesOf(token: number): Uint8Array {
    const piece = bytes[token];
    if (piece === undefined) throw new TokenizerError({ code: "TOKENIZER_TOKEN", token });
    return piece;
  }
  const createDecoder = (): TextDecoderOfTokens => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (token) => decoder.decode(bytesOf(token), { stream: true }),
      end: () => decoder.decode(),
    };
  };

  return {
    size: bytes.length,
    encode(text, { addedTokens = false } = {}) {
      if (!text.isWellFormed()) throw new TokenizerError({ code: "TOKENIZER_SURROGATE" });
      if (!addedTokens) return encodePlain(text);
      return [...cut(text, longestFirst)].flatMap((part) =>
        typeof part === "string" ? encodePlain(part) : [part.id],
      );
    },
    decode(tokens) {
      const decoder = createDecoder();
      return tokens.map((token) => decoder.push(token)).join("") + decoder.end();
    },
    createDecoder,
    bytesOf,
    addedToken: (content) => file.addedTokens.find((token) => token.content === content)?.id,
  };
}
