/** Hugging Face folders: safetensors files and the configuration of a Llama. */

// biome-ignore lint/performance/noBarrelFile: the entry point of the subpath export
export { type LlamaConfig, readLlamaConfig } from "./config.ts";
export { readLlama } from "./llama.ts";
export { LlamaError, type LlamaErrorDetail } from "./llama-error.ts";
export { readSafetensors, type SafetensorsTensor, toFloat32 } from "./safetensors.ts";
export { SafetensorsError, type SafetensorsErrorDetail } from "./safetensors-error.ts";
export { readChatTemplate } from "./tokenizer-config.ts";
export { TokenizerConfigError, type TokenizerConfigErrorDetail } from "./tokenizer-config-error.ts";
