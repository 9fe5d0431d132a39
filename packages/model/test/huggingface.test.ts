import { describe, expect, test } from "vitest";
import type { LlamaModel } from "../src/float-llama.ts";
import { readChatTemplate, readLlama, readLlamaConfig } from "../src/huggingface/index.ts";
import { randomLlama, SMALL } from "./random-llama.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 48,
  hidden_size: 32,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 32,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  rope_scaling: null,
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: true,
  eos_token_id: [2, 0],
  torch_dtype: "float16",
  initializer_range: 0.02,
};
const config = (change: object = {}) => JSON.stringify({ ...CONFIG, ...change });
const without = (field: string) =>
  JSON.stringify(Object.fromEntries(Object.entries(CONFIG).filter(([name]) => name !== field)));
const refusal = (code: string, field: string) =>
  expect.objectContaining({ detail: expect.objectContaining({ code, field }) });

describe("config.json", () => {
  test("the geometry", () => {
    expect(readLlamaConfig(config())).toEqual({ geometry: SMALL, tied: true, endTokens: [2, 0] });
  });

  test("what a Llama has where the file is silent", () => {
    const { geometry, tied, endTokens } = readLlamaConfig(
      config({
        head_dim: null,
        num_key_value_heads: undefined,
        rope_theta: undefined,
        tie_word_embeddings: undefined,
        eos_token_id: 2,
        mlp_bias: undefined,
      }),
    );
    expect(geometry).toMatchObject({ headDim: 8, keyValueHeads: 4, ropeTheta: 10_000 });
    expect([tied, endTokens]).toEqual([false, [2]]);
  });

  test("the newer place of rope_theta", () => {
    const rope_parameters = { rope_type: "default", rope_theta: 500_000 };
    const read = readLlamaConfig(config({ rope_theta: undefined, rope_parameters }));
    expect(read.geometry.ropeTheta).toBe(500_000);
  });

  test.each([
    ["rope_scaling", { rope_type: "llama3", factor: 8 }],
    ["rope_parameters", { rope_type: "yarn", rope_theta: 1 }],
    ["attention_bias", true],
    ["mlp_bias", true],
    ["hidden_act", "gelu"],
    ["model_type", "mistral"],
    ["architectures", ["LlamaForSequenceClassification"]],
    ["pretraining_tp", 2],
    ["quantization_config", { bits: 4 }],
    ["sliding_window", 4096],
    ["a_field_of_the_future", 1],
    ["toString", 1],
  ])("%s is refused by name", (field, value) => {
    expect(() => readLlamaConfig(config({ [field]: value }))).toThrow(
      refusal("LLAMA_CONFIG_UNSUPPORTED", field),
    );
  });

  test.each(["model_type", "hidden_act"])("%s must be there", (field) => {
    expect(() => readLlamaConfig(without(field))).toThrow(
      refusal("LLAMA_CONFIG_UNSUPPORTED", field),
    );
  });

  test.each([
    ["hidden_size", 0],
    ["hidden_size", undefined],
    ["vocab_size", "48"],
    ["num_key_value_heads", 3],
    ["head_dim", 7],
    ["num_hidden_layers", 1.5],
    ["rms_norm_eps", 0],
    ["rope_theta", -1],
    ["tie_word_embeddings", 1],
    ["eos_token_id", 48],
    ["eos_token_id", [0, "2"]],
    ["max_position_embeddings", 2 ** 60],
  ])("%s cannot be %j", (field, value) => {
    expect(() => readLlamaConfig(config({ [field]: value }))).toThrow(
      refusal("LLAMA_CONFIG_FIELD", field),
    );
  });

  test.each(["", "[]", "null"])("%j is no configuration", (json) => {
    expect(() => readLlamaConfig(json)).toThrow("config.json is not a JSON object");
  });
});

const bytes = (values: Float32Array) => new Uint8Array(values.slice().buffer);

function tensorsOf(model: LlamaModel) {
  const { hidden, intermediate } = model.geometry;
  const tensors: Record<string, { dtype: string; shape: number[]; data: Uint8Array }> = {};
  const put = (name: string, values: Float32Array, width: number) => {
    const rows = values.length / width;
    const shape = rows === 1 ? [width] : [rows, width];
    tensors[`${name}.weight`] = { dtype: "F32", shape, data: bytes(values) };
  };
  put("model.embed_tokens", model.embedding, hidden);
  put("model.norm", model.finalNorm, hidden);
  if (model.head !== null) put("lm_head", model.head, hidden);
  model.layers.forEach((layer, index) => {
    const at = `model.layers.${index}`;
    put(`${at}.input_layernorm`, layer.attentionNorm, hidden);
    put(`${at}.self_attn.q_proj`, layer.query, hidden);
    put(`${at}.self_attn.k_proj`, layer.key, hidden);
    put(`${at}.self_attn.v_proj`, layer.value, hidden);
    put(`${at}.self_attn.o_proj`, layer.attentionOutput, 32);
    put(`${at}.post_attention_layernorm`, layer.mlpNorm, hidden);
    put(`${at}.mlp.gate_proj`, layer.gate, hidden);
    put(`${at}.mlp.up_proj`, layer.up, hidden);
    put(`${at}.mlp.down_proj`, layer.down, intermediate);
  });
  return tensors;
}

describe("weights", () => {
  const tied = randomLlama(SMALL, 1);

  test.each([true, false])("a model comes back as it was written, tied: %s", (isTied) => {
    const model = randomLlama(SMALL, 2, isTied);
    const json = config({ tie_word_embeddings: isTied, eos_token_id: 2 });
    expect(readLlama(json, writeSafetensors(tensorsOf(model)))).toEqual(model);
  });

  test("the rotary buffers of old checkpoints are ignored", () => {
    const inv_freq = { dtype: "F32", shape: [4], data: new Uint8Array(16) };
    const name = "model.layers.1.self_attn.rotary_emb.inv_freq";
    const file = writeSafetensors({ ...tensorsOf(tied), [name]: inv_freq });
    expect(readLlama(config({ eos_token_id: 2 }), file)).toEqual(tied);
  });

  test("a missing tensor", () => {
    const { "model.layers.1.mlp.up_proj.weight": _gone, ...rest } = tensorsOf(tied);
    expect(() => readLlama(config(), writeSafetensors(rest))).toThrow(
      'no tensor "model.layers.1.mlp.up_proj.weight"',
    );
  });

  test.each(["lm_head.weight", "model.layers.0.self_attn.q_proj.bias"])(
    "a tensor that a tied Llama does not use: %s",
    (name) => {
      const extra = { dtype: "F32", shape: [1], data: new Uint8Array(4) };
      const file = writeSafetensors({ ...tensorsOf(tied), [name]: extra });
      expect(() => readLlama(config(), file)).toThrow(
        expect.objectContaining({ detail: { code: "LLAMA_TENSOR_UNKNOWN", name } }),
      );
    },
  );

  test("a transposed tensor", () => {
    const name = "model.layers.0.mlp.down_proj.weight";
    const down = { dtype: "F32", shape: [80, 32], data: new Uint8Array(4 * 80 * 32) };
    const file = writeSafetensors({ ...tensorsOf(tied), [name]: down });
    expect(() => readLlama(config(), file)).toThrow(
      expect.objectContaining({
        detail: {
          code: "LLAMA_TENSOR_SHAPE",
          name,
          expected: [32, 80],
          actual: [80, 32],
        },
      }),
    );
  });
});

describe("chat template", () => {
  test("as it is", () => {
    expect(readChatTemplate('{"chat_template":"{{ messages }}","bos_token":"<s>"}')).toBe(
      "{{ messages }}",
    );
  });

  test("with the tokens that it names", () => {
    const config = { chat_template: "{{ bos_token }}x", bos_token: { content: "<s>" } };
    expect(readChatTemplate(JSON.stringify(config))).toBe(
      '{%- set bos_token = "<s>" -%}{{ bos_token }}x',
    );
  });

  test.each([
    ["", "TOKENIZER_CONFIG_JSON"],
    ["[]", "TOKENIZER_CONFIG_JSON"],
    ["{}", "TOKENIZER_CONFIG_TEMPLATE"],
    ['{"chat_template":[{"name":"default"}]}', "TOKENIZER_CONFIG_TEMPLATE"],
    ['{"chat_template":"{{ eos_token }}"}', "TOKENIZER_CONFIG_TOKEN"],
    ['{"chat_template":"{{ bos_token }}","bos_token":"\\" }}"}', "TOKENIZER_CONFIG_TOKEN"],
  ])("%s is refused", (json, code) => {
    expect(() => readChatTemplate(json)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ code }) }),
    );
  });
});
