import { CodedError } from "@assay/wire";

/** One member per way in which a model has no integer program. */
export type QuantiserErrorDetail =
  | { readonly code: "QUANTISER_CALIBRATION_EMPTY" }
  | { readonly code: "QUANTISER_NOT_FINITE"; readonly layer: number; readonly site: string }
  | {
      readonly code: "QUANTISER_GEOMETRY";
      readonly field: string;
      readonly limit: number;
      readonly actual: number;
    }
  | { readonly code: "QUANTISER_WIDTH"; readonly what: string; readonly limit: number }
  | { readonly code: "QUANTISER_SCALE"; readonly what: string; readonly ratio: number };

/** Thrown by the quantiser. */
export class QuantiserError extends CodedError<QuantiserErrorDetail> {
  constructor(detail: QuantiserErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: QuantiserErrorDetail): string {
  switch (detail.code) {
    case "QUANTISER_CALIBRATION_EMPTY":
      return "the calibration text has no token";
    case "QUANTISER_NOT_FINITE":
      return `the float model overflows: layer ${detail.layer}, ${detail.site}`;
    case "QUANTISER_GEOMETRY":
      return `the model's ${detail.field} is ${detail.actual}; an integer program can have ${detail.limit}`;
    case "QUANTISER_WIDTH":
      return `${detail.what}: a row of weights is too heavy for activations of 8 bits (sum of magnitudes above ${detail.limit})`;
    case "QUANTISER_SCALE":
      return `${detail.what}: no multiplier and shift reach the ratio ${detail.ratio}`;
  }
}
