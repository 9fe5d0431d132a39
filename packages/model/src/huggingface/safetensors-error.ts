import { CodedError } from "@assay/wire";

/** One member per rule that a safetensors file can break. */
export type SafetensorsErrorDetail =
  | { readonly code: "SAFETENSORS_SHORT"; readonly bytes: number }
  | {
      readonly code: "SAFETENSORS_HEADER_LENGTH";
      readonly length: bigint;
      readonly limit: number;
    }
  | { readonly code: "SAFETENSORS_HEADER_JSON" }
  | { readonly code: "SAFETENSORS_TYPE"; readonly name: string; readonly type: string }
  | { readonly code: "SAFETENSORS_SHAPE"; readonly name: string }
  | { readonly code: "SAFETENSORS_OFFSETS"; readonly name: string }
  | {
      readonly code: "SAFETENSORS_LENGTH";
      readonly name: string;
      readonly expected: number;
      readonly actual: number;
    }
  | {
      readonly code: "SAFETENSORS_COVER";
      readonly name: string;
      readonly begin: number;
      readonly expected: number;
    }
  | {
      readonly code: "SAFETENSORS_DATA_LENGTH";
      readonly expected: number;
      readonly actual: number;
    }
  | { readonly code: "SAFETENSORS_NOT_FINITE"; readonly name: string; readonly index: number };

/** Thrown by the safetensors reader. */
export class SafetensorsError extends CodedError<SafetensorsErrorDetail> {
  constructor(detail: SafetensorsErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: SafetensorsErrorDetail): string {
  switch (detail.code) {
    case "SAFETENSORS_SHORT":
      return `a safetensors file starts with 8 bytes of length, this one has ${detail.bytes}`;
    case "SAFETENSORS_HEADER_LENGTH":
      return `the header says ${detail.length} bytes, at most ${detail.limit} can be`;
    case "SAFETENSORS_HEADER_JSON":
      return "the header is not a JSON object in UTF-8";
    case "SAFETENSORS_TYPE":
      return `tensor "${detail.name}" has type ${detail.type}; F32, F16 and BF16 can be read`;
    case "SAFETENSORS_SHAPE":
      return `tensor "${detail.name}" has no shape of at most 8 sizes`;
    case "SAFETENSORS_OFFSETS":
      return `tensor "${detail.name}" has no pair of data offsets`;
    case "SAFETENSORS_LENGTH":
      return `tensor "${detail.name}" has ${detail.actual} bytes, its shape needs ${detail.expected}`;
    case "SAFETENSORS_COVER":
      return `tensor "${detail.name}" starts at ${detail.begin}, the one before it ends at ${detail.expected}`;
    case "SAFETENSORS_DATA_LENGTH":
      return `the tensors take ${detail.expected} bytes, the file holds ${detail.actual}: it was cut or extended`;
    case "SAFETENSORS_NOT_FINITE":
      return `value ${detail.index} of tensor "${detail.name}" is infinite or not a number`;
  }
}
