import { CodedError } from "@assay/wire";

/** One member per way in which a model folder is not a Llama that can be converted. */
export type LlamaErrorDetail =
  | { readonly code: "LLAMA_CONFIG_JSON" }
  | { readonly code: "LLAMA_CONFIG_FIELD"; readonly field: string; readonly value: string }
  | { readonly code: "LLAMA_CONFIG_UNSUPPORTED"; readonly field: string; readonly value: string }
  | { readonly code: "LLAMA_TENSOR_MISSING"; readonly name: string }
  | { readonly code: "LLAMA_TENSOR_UNKNOWN"; readonly name: string }
  | {
      readonly code: "LLAMA_TENSOR_SHAPE";
      readonly name: string;
      readonly expected: readonly number[];
      readonly actual: readonly number[];
    };

/** Thrown where a Hugging Face folder is read as a Llama. */
export class LlamaError extends CodedError<LlamaErrorDetail> {
  constructor(detail: LlamaErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: LlamaErrorDetail): string {
  switch (detail.code) {
    case "LLAMA_CONFIG_JSON":
      return "config.json is not a JSON object";
    case "LLAMA_CONFIG_FIELD":
      return `config.json: "${detail.field}" is ${detail.value}, which no Llama can have`;
    case "LLAMA_CONFIG_UNSUPPORTED":
      return `config.json: "${detail.field}" is ${detail.value}, which the converter does not support`;
    case "LLAMA_TENSOR_MISSING":
      return `the weights have no tensor "${detail.name}"`;
    case "LLAMA_TENSOR_UNKNOWN":
      return `the weights have a tensor "${detail.name}" that this architecture does not use`;
    case "LLAMA_TENSOR_SHAPE":
      return `tensor "${detail.name}" has shape [${detail.actual}], expected [${detail.expected}]`;
  }
}
