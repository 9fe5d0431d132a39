/**
 * Verifier: `verify(file, context, execute)`, the one door to a verdict.
 *
 * Pure: no clock, no randomness, no I/O. The executor and the time are passed in.
 * Does not own: execution (engine, injected), fetching evidence (node, sdk), or settlement (chain).
 *
 * @module
 */

export type {
  Execute,
  Execution,
  Expected,
  ProgramFacts,
  Task,
  VerifyContext,
} from "./context.ts";
// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { describeVerdict } from "./describe-verdict.ts";
export type {
  Check,
  CheckNumber,
  CheckTitle,
  Fact,
  FactCode,
  Failure,
  Outcome,
  Reason,
  Verdict,
} from "./verdict.ts";
export { verify } from "./verify.ts";
