/**
 * `config.json` of a Hugging Face folder → the geometry of a Llama.
 *
 * A field that changes what the model computes and that the converter does not implement is refused by name, and so is a
 * field it has never heard of: a silent default would make a program that is not the model.
 */

import type { LlamaGeometry } from "../float-llama.ts";
import { LlamaError } from "./llama-error.ts";

export interface LlamaConfig {
  readonly geometry: LlamaGeometry;
  /** Whether the head is the embedding. */
  readonly tied: boolean;
  readonly endTokens: readonly number[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Fields that say nothing about what the model computes. */
const SILENT: ReadonlySet<string> = new Set([
  "_attn_implementation",
  "_name_or_path",
  "attention_dropout",
  "bos_token_id",
  "dtype",
  "initializer_range",
  "pad_token_id",
  "torch_dtype",
  "transformers_version",
  "use_cache",
]);

/** Fields that the converter accepts with this value, null or absent. */
const FIXED: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["attention_bias", false],
  ["hidden_act", "silu"],
  ["is_llama_config", true],
  ["mlp_bias", false],
  ["model_type", "llama"],
  ["pretraining_tp", 1],
  ["rope_interleaved", false],
  ["rope_scaling", null],
]);

const READ: ReadonlySet<string> = new Set([
  "architectures",
  "eos_token_id",
  "head_dim",
  "hidden_size",
  "intermediate_size",
  "max_position_embeddings",
  "num_attention_heads",
  "num_hidden_layers",
  "num_key_value_heads",
  "rms_norm_eps",
  "rope_parameters",
  "rope_theta",
  "tie_word_embeddings",
  "vocab_size",
]);

const shown = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value));

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function unsupported(field: string, value: unknown): LlamaError {
  return new LlamaError({ code: "LLAMA_CONFIG_UNSUPPORTED", field, value: shown(value) });
}

function malformed(field: string, value: unknown): LlamaError {
  return new LlamaError({ code: "LLAMA_CONFIG_FIELD", field, value: shown(value) });
}

function parse(json: string): Fields {
  let fields: unknown;
  try {
    fields = JSON.parse(json);
  } catch (cause) {
    throw new LlamaError({ code: "LLAMA_CONFIG_JSON" }, { cause });
  }
  if (!isObject(fields)) throw new LlamaError({ code: "LLAMA_CONFIG_JSON" });
  return fields;
}

function refuseUnsupported(fields: Fields): void {
  for (const [field, value] of Object.entries(fields)) {
    if (SILENT.has(field) || READ.has(field)) continue;
    const known = FIXED.has(field) && (value === null || value === FIXED.get(field));
    if (!known) throw unsupported(field, value);
  }
  if (fields["model_type"] !== "llama") throw unsupported("model_type", fields["model_type"]);
  if (fields["hidden_act"] !== "silu") throw unsupported("hidden_act", fields["hidden_act"]);
  const { architectures } = fields;
  if (architectures !== undefined && shown(architectures) !== '["LlamaForCausalLM"]') {
    throw unsupported("architectures", architectures);
  }
}

function size(fields: Fields, field: string, otherwise?: number): number {
  const value = fields[field] ?? otherwise;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
    throw malformed(field, value);
  }
  return value;
}

function positive(field: string, value: unknown): number {
  if (typeof value !== "number" || !(value > 0 && Number.isFinite(value))) {
    throw malformed(field, value);
  }
  return value;
}

function ropeTheta(fields: Fields): number {
  const parameters = fields["rope_parameters"] ?? undefined;
  if (parameters === undefined) return positive("rope_theta", fields["rope_theta"] ?? 10_000);
  if (!isObject(parameters)) throw malformed("rope_parameters", parameters);
  const plain = Object.keys(parameters).every((key) => key === "rope_type" || key === "rope_theta");
  if (!plain || parameters["rope_type"] !== "default") {
    throw unsupported("rope_parameters", parameters);
  }
  return positive("rope_parameters", parameters["rope_theta"]);
}

function endTokens(fields: Fields, vocab: number): number[] {
  const value = fields["eos_token_id"] ?? [];
  const tokens: unknown[] = Array.isArray(value) ? value : [value];
  return tokens.map((token) => {
    if (!(typeof token === "number" && Number.isInteger(token) && token >= 0 && token < vocab)) {
      throw malformed("eos_token_id", value);
    }
    return token;
  });
}

/**
 * Reads the text of `config.json`.
 *
 * @throws {LlamaError}
 */
export function readLlamaConfig(json: string): LlamaConfig {
  const fields = parse(json);
  refuseUnsupported(fields);
  const hidden = size(fields, "hidden_size");
  const heads = size(fields, "num_attention_heads");
  const keyValueHeads = size(fields, "num_key_value_heads", heads);
  const headDim = size(fields, "head_dim", hidden / heads);
  const vocab = size(fields, "vocab_size");
  if (heads % keyValueHeads !== 0) throw malformed("num_key_value_heads", keyValueHeads);
  if (headDim % 2 !== 0) throw malformed("head_dim", headDim);
  const tied = fields["tie_word_embeddings"] ?? false;
  if (typeof tied !== "boolean") throw malformed("tie_word_embeddings", tied);
  return {
    geometry: {
      vocab,
      hidden,
      intermediate: size(fields, "intermediate_size"),
      layers: size(fields, "num_hidden_layers"),
      heads,
      keyValueHeads,
      headDim,
      context: size(fields, "max_position_embeddings"),
      epsilon: positive("rms_norm_eps", fields["rms_norm_eps"]),
      ropeTheta: ropeTheta(fields),
    },
    tied,
    endTokens: endTokens(fields, vocab),
  };
}
