/** Binds the tensors of a Hugging Face folder to the names of the Llama architecture. */

import type { LlamaLayer, LlamaModel } from "../float-llama.ts";
import { type LlamaConfig, readLlamaConfig } from "./config.ts";
import { LlamaError } from "./llama-error.ts";
import { readSafetensors, type SafetensorsTensor, toFloat32 } from "./safetensors.ts";

/** Derived from the configuration; old checkpoints carry it. */
const DERIVED = /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/u;

function readLayer(take: Take, config: LlamaConfig, index: number): LlamaLayer {
  const { hidden, intermediate, heads, keyValueHeads, headDim } = config.geometry;
  const queries = heads * headDim;
  const keys = keyValueHeads * headDim;
  const name = (part: string): string => `model.layers.${index}.${part}.weight`;
  return {
    attentionNorm: take(name("input_layernorm"), [hidden]),
    query: take(name("self_attn.q_proj"), [queries, hidden]),
    key: take(name("self_attn.k_proj"), [keys, hidden]),
    value: take(name("self_attn.v_proj"), [keys, hidden]),
    attentionOutput: take(name("self_attn.o_proj"), [hidden, queries]),
    mlpNorm: take(name("post_attention_layernorm"), [hidden]),
    gate: take(name("mlp.gate_proj"), [intermediate, hidden]),
    up: take(name("mlp.up_proj"), [intermediate, hidden]),
    down: take(name("mlp.down_proj"), [hidden, intermediate]),
  };
}

/** Takes the named tensor of this shape out of the file. */
type Take = (name: string, shape: readonly number[]) => Float32Array;

function takeFrom(tensors: ReadonlyMap<string, SafetensorsTensor>, taken: Set<string>): Take {
  return (name, shape) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new LlamaError({ code: "LLAMA_TENSOR_MISSING", name });
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
      throw new LlamaError({
        code: "LLAMA_TENSOR_SHAPE",
        name,
        expected: shape,
        actual: tensor.shape,
      });
    }
    taken.add(name);
    return toFloat32(tensor);
  };
}

/**
 * Reads a model from the contents of `config.json` and `model.safetensors`.
 *
 * @throws {LlamaError} if it is not a Llama that can be converted
 * @throws {SafetensorsError} if the weights are not a safetensors file
 */
export function readLlama(configJson: string, weights: Uint8Array): LlamaModel {
  const config = readLlamaConfig(configJson);
  const { vocab, hidden, layers } = config.geometry;
  const tensors = readSafetensors(weights);
  const taken = new Set<string>();
  const take = takeFrom(tensors, taken);
  const model: LlamaModel = {
    geometry: config.geometry,
    embedding: take("model.embed_tokens.weight", [vocab, hidden]),
    layers: Array.from({ length: layers }, (_, index) => readLayer(take, config, index)),
    finalNorm: take("model.norm.weight", [hidden]),
    head: config.tied ? null : take("lm_head.weight", [vocab, hidden]),
    endTokens: config.endTokens,
  };
  for (const name of tensors.keys()) {
    if (!taken.has(name) && !DERIVED.test(name)) {
      throw new LlamaError({ code: "LLAMA_TENSOR_UNKNOWN", name });
    }
  }
  return model;
}
