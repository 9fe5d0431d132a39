/** `tokenizer.json`, checked to be a byte-level BPE (spec/06 §6.2). */

import { TokenizerError } from "./tokenizer-error.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it has no text of its own. */
  readonly special: boolean;
}

export interface TokenizerFile {
  /** Entries that text can yield: added tokens are not among them. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly addedTokens: readonly AddedToken[];
  /** The file for `@huggingface/tokenizers`, with every trace of the added tokens removed. */
  readonly withoutAddedTokens: object;
}

type Fields = Readonly<Record<string, unknown>>;

/** spec/01 §1.4: a program's vocabulary has at most 2^18 entries. */
const MOST_TOKENS = 2 ** 18;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isId = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < MOST_TOKENS;

function unsupported(field: string, value: unknown): TokenizerError {
  const shown = (value === undefined ? "absent" : JSON.stringify(value)).slice(0, 80);
  return new TokenizerError({ code: "TOKENIZER_UNSUPPORTED", field, value: shown });
}

function parse(json: Uint8Array | string): Fields {
  let file: unknown;
  try {
    const text =
      typeof json === "string" ? json : new TextDecoder("utf-8", { fatal: true }).decode(json);
    file = JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError({ code: "TOKENIZER_JSON" }, { cause });
  }
  if (!isObject(file)) throw new TokenizerError({ code: "TOKENIZER_JSON" });
  return file;
}

/** A component and, if it is a sequence, its parts. */
function parts(component: unknown, list: string): readonly Fields[] {
  if (!isObject(component)) return [];
  if (component["type"] !== "Sequence") return [component];
  const inner = component[list];
  return Array.isArray(inner) ? inner.filter(isObject) : [];
}

function checkPipeline(file: Fields): void {
  const { normalizer, decoder } = file;
  if (normalizer !== null && !(isObject(normalizer) && normalizer["type"] === "NFC")) {
    throw unsupported("normalizer", normalizer);
  }
  const cutters = parts(file["pre_tokenizer"], "pretokenizers");
  const last = cutters.at(-1);
  const known = cutters
    .slice(0, -1)
    .every(({ type }) => type === "Split" || type === "Digits" || type === "ByteLevel");
  if (!known || last?.["type"] !== "ByteLevel") {
    throw unsupported("pre_tokenizer", file["pre_tokenizer"]);
  }
  if (cutters.some((cutter) => cutter["add_prefix_space"] === true)) {
    throw unsupported("pre_tokenizer", file["pre_tokenizer"]);
  }
  if (!parts(decoder, "decoders").some(({ type }) => type === "ByteLevel")) {
    throw unsupported("decoder", decoder);
  }
}

function checkModel(model: unknown): Fields {
  if (!isObject(model) || model["type"] !== "BPE") throw unsupported("model", model);
  const absent = [
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "byte_fallback",
    "fuse_unk",
  ];
  for (const field of absent) {
    const value = model[field];
    const off = value === undefined || value === null || value === false || value === "";
    if (!off) throw unsupported(`model.${field}`, value);
  }
  if (!isObject(model["vocab"])) throw unsupported("model.vocab", model["vocab"]);
  if (!Array.isArray(model["merges"])) throw unsupported("model.merges", model["merges"]);
  return model;
}

function readAddedTokens(list: unknown): AddedToken[] {
  if (!Array.isArray(list)) throw unsupported("added_tokens", list);
  return list.map((token: unknown) => {
    const fields = isObject(token) ? token : {};
    const { id, content, special } = fields;
    const plain = !(fields["single_word"] || fields["lstrip"] || fields["rstrip"]);
    if (!plain || !isId(id) || typeof content !== "string" || content === "") {
      throw unsupported("added_tokens", token);
    }
    return { id, content, special: special === true };
  });
}

/** A merge of which no entry comes would make text vanish. */
function checkMerges(merges: readonly unknown[], vocab: ReadonlyMap<string, number>): void {
  for (const merge of merges) {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const halves: readonly unknown[] = Array.isArray(pair) ? pair : [];
    if (halves.length !== 2 || !vocab.has(halves.join("")))
      throw unsupported("model.merges", merge);
  }
}

/** @throws {TokenizerError} */
export function readTokenizerFile(json: Uint8Array | string): TokenizerFile {
  const file = parse(json);
  checkPipeline(file);
  const model = checkModel(file["model"]);
  const addedTokens = readAddedTokens(file["added_tokens"] ?? []);
  const addedIds = new Map(addedTokens.map(({ content, id }) => [content, id]));
  const vocab = new Map<string, number>();
  const ids = new Set<number>(addedIds.values());
  if (ids.size !== addedTokens.length) throw unsupported("added_tokens", "two with one id");
  for (const [entry, id] of Object.entries(isObject(model["vocab"]) ? model["vocab"] : {})) {
    if (addedIds.get(entry) === id) continue;
    if (!isId(id) || ids.has(id)) throw new TokenizerError({ code: "TOKENIZER_ID", entry });
    ids.add(id);
    vocab.set(entry, id);
  }
  checkMerges(Array.isArray(model["merges"]) ? model["merges"] : [], vocab);
  return {
    vocab,
    addedTokens,
    withoutAddedTokens: {
      ...file,
      added_tokens: [],
      post_processor: null,
      model: { ...model, vocab: Object.fromEntries(vocab) },
    },
  };
}
