/** What is wrong with bytes that are not in the format they claim to be in. */

import { CodedError } from "./coded-error.ts";

/** `format` names the format as the specification does, `field` the place in it. */
export type FormatErrorDetail =
  | {
      readonly code: "FORMAT_TRUNCATED";
      readonly format: string;
      readonly field: string;
      readonly needed: number;
      readonly left: number;
    }
  | { readonly code: "FORMAT_TRAILING"; readonly format: string; readonly left: number }
  | {
      readonly code: "FORMAT_TOO_LONG";
      readonly format: string;
      readonly actual: number;
      readonly max: number;
    }
  | { readonly code: "FORMAT_MAGIC"; readonly format: string }
  | { readonly code: "FORMAT_VERSION"; readonly format: string; readonly actual: number }
  | {
      readonly code: "FORMAT_COUNT";
      readonly format: string;
      readonly field: string;
      readonly actual: number;
      readonly min: number;
      readonly max: number;
    }
  | {
      readonly code: "FORMAT_VALUE";
      readonly format: string;
      readonly field: string;
      readonly actual: number;
    }
  | { readonly code: "FORMAT_TEXT"; readonly format: string; readonly field: string }
  | {
      readonly code: "FORMAT_DUPLICATE";
      readonly format: string;
      readonly field: string;
      readonly index: number;
    }
  | { readonly code: "FORMAT_TYPE"; readonly format: string; readonly actual: number };

/** Thrown by every decoder of this package, and nothing else is. */
export class FormatError extends CodedError<FormatErrorDetail> {
  constructor(detail: FormatErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: FormatErrorDetail): string {
  const { format } = detail;
  switch (detail.code) {
    case "FORMAT_TRUNCATED":
      return `${format} ends early: ${detail.field} needs ${detail.needed} bytes, ${detail.left} are left`;
    case "FORMAT_TRAILING":
      return `${format} has ${detail.left} bytes after its end`;
    case "FORMAT_TOO_LONG":
      return `${format} has ${detail.actual} bytes, at most ${detail.max} are allowed`;
    case "FORMAT_MAGIC":
      return `the bytes do not begin as a ${format} does`;
    case "FORMAT_VERSION":
      return `${format} has version ${detail.actual}, which this program does not know`;
    case "FORMAT_COUNT":
      return `${format}: ${detail.field} holds ${detail.actual}, expected ${detail.min} to ${detail.max}`;
    case "FORMAT_VALUE":
      return `${format}: ${detail.field} is ${detail.actual}, which has no meaning`;
    case "FORMAT_TEXT":
      return `${format}: ${detail.field} is not UTF-8`;
    case "FORMAT_DUPLICATE":
      return `${format}: ${detail.field} repeats an earlier entry at index ${detail.index}`;
    case "FORMAT_TYPE":
      return `${format} has type ${detail.actual}, which this protocol does not know`;
  }
}
