/**
 * Model: formats, tokenizer, quantiser, the integer program, `checkProgram` and the reference interpreter.
 *
 * The reference interpreter is the plain statement of the integer semantics.
 * Does not own: fast execution, batching and caches (engine), or evidence about a run (verifier).
 *
 * @module
 */

export type { CheckCode } from "./check/refusal.ts";
export type { Kind } from "./check/structure.ts";
// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { type AcceptedProgram, checkProgram, type RefusedProgram } from "./check.ts";
export { decodeProgram, encodeProgram, PROGRAM_LIMITS, SPEC_VERSION } from "./codec.ts";
export { chooseToken } from "./interpreter/choose-token.ts";
export {
  type InterpretedPosition,
  interpret,
  interpretedTraceRoot,
} from "./interpreter/interpret.ts";
export {
  ASSET_KINDS,
  type Asset,
  type AssetKind,
  type Block,
  type CacheId,
  OPCODES,
  type Operator,
  type OperatorName,
  type Program,
  rowStride,
  TABLE_IDS,
  type TableId,
  type Tensor,
  type TensorId,
  type VariableId,
} from "./program.ts";
export { ProgramError, type ProgramErrorDetail } from "./program-error.ts";
export { decodeRecord, encodeRecord } from "./record.ts";
export { type ProgramRoots, programRoot, programRoots, type RootHashing } from "./roots.ts";
export { createTables, globalTables, TABLE_HASHES, type Tables, tableHash } from "./tables.ts";
export { traceLeaf, tracePosition, traceRoot } from "./trace.ts";
