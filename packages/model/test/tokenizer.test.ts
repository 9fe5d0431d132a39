import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTokenizer } from "../src/tokenizer.ts";
import { readVectors } from "./vectors.ts";

interface Vectors {
  readonly tokenizer: Readonly<Record<string, unknown>> & {
    readonly added_tokens: readonly object[];
    readonly model: Readonly<Record<string, unknown>> & {
      readonly vocab: Readonly<Record<string, number>>;
      readonly merges: readonly string[];
    };
  };
  readonly texts: readonly {
    readonly text: string;
    readonly plain: readonly number[];
    readonly template: readonly number[];
  }[];
  readonly streams: readonly { readonly tokens: readonly number[]; readonly text: string }[];
}

const vectors = readVectors<Vectors>("chat.json");
const file = vectors.tokenizer;
const tokenizer = createTokenizer(new TextEncoder().encode(JSON.stringify(file)));
const ADDED = [0, 1, 2, 3, 4];

describe("vectors (spec/06 §6.2)", () => {
  test.each(vectors.texts)("$text", ({ text, plain, template }) => {
    expect(tokenizer.encode(text)).toEqual(plain);
    expect(tokenizer.encode(text, { addedTokens: true })).toEqual(template);
  });

  test.each(vectors.streams)("$tokens", ({ tokens, text }) => {
    expect(tokenizer.decode(tokens)).toBe(text);
    const decoder = tokenizer.createDecoder();
    const pieces = tokens.map((token) => decoder.push(token));
    expect(pieces.join("") + decoder.end()).toBe(text);
  });
});

describe("properties", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const hostile = fc.array(
    fc.oneof(text, fc.constantFrom("<|im_end|>", "<|im_start|>", "<think>", "<|", "|>", "\uFEFF")),
    { maxLength: 8 },
  );

  test("plain text comes back as it was, and never as an added token", () => {
    fc.assert(
      fc.property(hostile, (parts) => {
        const joined = parts.join("");
        const tokens = tokenizer.encode(joined);
        expect(tokens.some((token) => ADDED.includes(token))).toBe(false);
        expect(tokenizer.decode(tokens)).toBe(joined);
      }),
    );
  });

  test("no piece of a stream ends or begins within a character", () => {
    fc.assert(
      fc.property(text, (whole) => {
        const decoder = tokenizer.createDecoder();
        const pieces = tokenizer.encode(whole).map((token) => decoder.push(token));
        expect(decoder.end()).toBe("");
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
        expect(pieces.join("")).toBe(whole);
      }),
    );
  });
});

describe("refusals", () => {
  const { model } = file;
  const changed = (change: object) => JSON.stringify({ ...file, ...change });
  const changedModel = (change: object) => changed({ model: { ...model, ...change } });
  const added = (change: object) =>
    changed({ added_tokens: [{ id: 0, content: "<|endoftext|>", special: true, ...change }] });

  test.each([
    ["not JSON", "{", "TOKENIZER_JSON"],
    ["not an object", "[]", "TOKENIZER_JSON"],
    ["WordPiece", changedModel({ type: "WordPiece" }), "TOKENIZER_UNSUPPORTED"],
    ["byte fallback", changedModel({ byte_fallback: true }), "TOKENIZER_UNSUPPORTED"],
    ["an unknown token", changedModel({ unk_token: "<unk>" }), "TOKENIZER_UNSUPPORTED"],
    ["merges without an entry", changedModel({ merges: ["x y"] }), "TOKENIZER_UNSUPPORTED"],
    ["merges of three", changedModel({ merges: ["h e l"] }), "TOKENIZER_UNSUPPORTED"],
    ["lower case", changed({ normalizer: { type: "Lowercase" } }), "TOKENIZER_UNSUPPORTED"],
    ["Metaspace", changed({ pre_tokenizer: { type: "Metaspace" } }), "TOKENIZER_UNSUPPORTED"],
    ["no decoder", changed({ decoder: null }), "TOKENIZER_UNSUPPORTED"],
    [
      "a prefix space",
      changed({ pre_tokenizer: { type: "ByteLevel", add_prefix_space: true } }),
      "TOKENIZER_UNSUPPORTED",
    ],
    ["an added token that strips", added({ rstrip: true }), "TOKENIZER_UNSUPPORTED"],
    ["an empty added token", added({ content: "" }), "TOKENIZER_UNSUPPORTED"],
    ["an entry not of bytes", changedModel({ vocab: { "€": 9, ...model.vocab } }), "TOKENIZER_ID"],
    [
      "a second entry with an id",
      changedModel({ vocab: { ...model.vocab, zz: 9 } }),
      "TOKENIZER_ID",
    ],
    ["an id beyond 2^18", changedModel({ vocab: { ...model.vocab, zz: 262_144 } }), "TOKENIZER_ID"],
    ["a byte left out", changedModel({ vocab: { h: 5 }, merges: [] }), "TOKENIZER_BYTE_MISSING"],
    ["a strange entry", changedModel({ vocab: { ...model.vocab, "€": 999 } }), "TOKENIZER_ENTRY"],
  ])("%s", (_name, json, code) => {
    expect(() => createTokenizer(json)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ code }) }),
    );
  });

  test("a merge cannot make an added token out of text", () => {
    const vocab = { ...model.vocab, "<||>": 3 };
    const merges = [...model.merges, "<| |>"];
    const token = { id: 3, content: "<||>", special: true };
    const json = changed({ added_tokens: [token], model: { ...model, vocab, merges } });
    expect(() => createTokenizer(json)).toThrow('"model.merges"');
  });

  test("nor can a piece that is a whole entry", () => {
    const vocab = { ...model.vocab, "<||>": 3 };
    const token = { id: 3, content: "<||>", special: true };
    const open = createTokenizer(
      changed({ added_tokens: [token], model: { ...model, vocab, ignore_merges: true } }),
    );
    expect(open.encode("<||>")).not.toContain(3);
    expect(open.encode("<||>", { addedTokens: true })).toEqual([3]);
  });

  test("a token that there is not", () => {
    expect(() => tokenizer.decode([9999])).toThrow(
      expect.objectContaining({ detail: { code: "TOKENIZER_TOKEN", token: 9999 } }),
    );
  });

  test("a lone surrogate", () => {
    expect(() => tokenizer.encode("a\uDC00")).toThrow(
      expect.objectContaining({ detail: { code: "TOKENIZER_SURROGATE" } }),
    );
  });
});
