import { CodedError } from "@assay/wire";

/** One member per way in which bytes are not a program file (spec/02 §2.2–2.5). */
export type ProgramErrorDetail =
  | { readonly code: "PROGRAM_MAGIC" }
  | { readonly code: "PROGRAM_VERSION"; readonly actual: number }
  | { readonly code: "PROGRAM_LENGTH"; readonly expected: number; readonly actual: number }
  | {
      readonly code: "PROGRAM_COUNT";
      readonly what: "operators" | "blocks" | "tensors" | "assets" | "endTokens";
      readonly limit: number;
      readonly actual: number;
    }
  | { readonly code: "PROGRAM_NOT_ZERO"; readonly offset: number }
  | { readonly code: "PROGRAM_OPCODE"; readonly operator: number; readonly actual: number }
  | { readonly code: "PROGRAM_OPERAND"; readonly operator: number; readonly offset: number }
  | { readonly code: "PROGRAM_UNUSED"; readonly operator: number; readonly offset: number }
  | { readonly code: "PROGRAM_TABLE"; readonly operator: number; readonly actual: number }
  | { readonly code: "PROGRAM_TENSOR_TYPE"; readonly tensor: number; readonly actual: number }
  | { readonly code: "PROGRAM_TENSOR_DIMENSIONS"; readonly tensor: number }
  | { readonly code: "PROGRAM_ASSET_KIND"; readonly asset: number; readonly actual: number }
  | { readonly code: "PROGRAM_ASSET_LENGTH"; readonly asset: number; readonly actual: number };

/** Thrown by `decodeProgram` for bytes that are not a program file. */
export class ProgramError extends CodedError<ProgramErrorDetail> {
  constructor(detail: ProgramErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: ProgramErrorDetail): string {
  switch (detail.code) {
    case "PROGRAM_MAGIC":
      return "not a program file: it does not start with ASSAYPRG";
    case "PROGRAM_VERSION":
      return `program of spec version ${detail.actual}, this is version 1`;
    case "PROGRAM_LENGTH":
      return `program file has ${detail.actual} bytes, expected ${detail.expected}: is it complete?`;
    case "PROGRAM_COUNT":
      return `program has ${detail.actual} ${detail.what}, expected at most ${detail.limit}, and at least one operator, block and tensor`;
    case "PROGRAM_NOT_ZERO":
      return `program file has something other than zero in the padding at byte ${detail.offset}`;
    case "PROGRAM_OPCODE":
      return `operator ${detail.operator} has the unknown opcode ${detail.actual}`;
    case "PROGRAM_OPERAND":
      return `operator ${detail.operator} lacks an operand at byte ${detail.offset} of its record`;
    case "PROGRAM_UNUSED":
      return `operator ${detail.operator} sets the field at byte ${detail.offset} of its record, which its opcode does not have`;
    case "PROGRAM_TABLE":
      return `operator ${detail.operator} names the unknown table ${detail.actual}`;
    case "PROGRAM_TENSOR_TYPE":
      return `tensor ${detail.tensor} has the unknown type ${detail.actual}`;
    case "PROGRAM_TENSOR_DIMENSIONS":
      return `tensor ${detail.tensor} has dimensions its type does not allow`;
    case "PROGRAM_ASSET_KIND":
      return `asset ${detail.asset} has the unknown kind ${detail.actual}`;
    case "PROGRAM_ASSET_LENGTH":
      return `asset ${detail.asset} has ${detail.actual} bytes, expected at most 16 MiB`;
  }
}
