/** Checks 11 and 12 of spec/03 §3.5: what re-executing the program gives. */

import { bytesToHex, equalBytes, HASH_BYTES, type ReceiptFile } from "@assay/wire";
import type { Execute, Execution } from "./context.ts";
import { rule } from "./rule.ts";
import type { CheckTitle, Failure } from "./verdict.ts";

export interface ExecutionCheck extends CheckTitle {
  readonly run: (file: ReceiptFile, execution: Execution) => Failure | null;
}

/**
 * Re-executes. Call it only once checks 1 … 10 have passed: they bound the tokens and their number.
 *
 * @throws {RangeError} if the executor answers something that is no execution of this task.
 */
export function executeFile(file: ReceiptFile, execute: Execute): Execution {
  const { order, receipt, prompt, output } = file;
  const { invTemperature, topP } = order;
  const sampling = { invTemperature, topP };
  const execution = execute({ prompt, output, sampling, seed: receipt.seed });
  if (execution.chosen.length !== output.length) {
    throw new RangeError(`${execution.chosen.length} choices for ${output.length} tokens`);
  }
  if (execution.traceRoot.length !== HASH_BYTES) throw new RangeError("a trace root has 32 bytes");
  return execution;
}

function checkTokens({ output }: ReceiptFile, { chosen }: Execution): Failure | null {
  const at = output.findIndex((token, i) => token !== chosen[i]);
  return rule(
    "TOKEN_WRONG",
    at >= 0,
    `output token ${at} is ${output[at]}, the program gives ${chosen[at]}`,
  );
}

function checkTrace({ receipt }: ReceiptFile, { traceRoot }: Execution): Failure | null {
  return rule(
    "TRACE_WRONG",
    !equalBytes(receipt.traceRoot, traceRoot),
    `the receipt's trace root is 0x${bytesToHex(receipt.traceRoot)}, the program gives 0x${bytesToHex(traceRoot)}`,
  );
}

/** Checks 11 and 12, in order. Both need all before them, and neither the other. */
export const EXECUTION_CHECKS: readonly ExecutionCheck[] = [
  {
    number: 11,
    name: "tokens",
    proves: "re-executing the program gives exactly these tokens",
    run: checkTokens,
  },
  {
    number: 12,
    name: "trace",
    proves: "re-executing the program gives exactly this trace root",
    run: checkTrace,
  },
];
