/**
 * From the bytes of a receipt file to a verdict (spec/03 §3.5): a pure function.
 *
 * An invalid file is a verdict, never an exception.
 */

import { decodeReceiptFile, FormatError, type ReceiptFile, receiptHash } from "@assay/wire";
import { assuranceOf } from "./assurance.ts";
import { STATIC_CHECKS } from "./checks.ts";
import type { Execute, VerifyContext } from "./context.ts";
import { EXECUTION_CHECKS, executeFile } from "./execution.ts";
import type { Check, CheckNumber, CheckTitle, Failure, Verdict } from "./verdict.ts";

const FORMAT_CHECK: CheckTitle = {
  number: 1,
  name: "format",
  proves: "the bytes are one receipt file, nothing else",
};

function checkOf({ number, name, proves }: CheckTitle, failure: Failure | null): Check {
  const title = { number, name, proves };
  return failure === null ? { ...title, status: "PASS" } : { ...title, status: "FAIL", ...failure };
}

function skipped({ number, name, proves }: CheckTitle, needs: readonly CheckNumber[]): Check {
  return { number, name, proves, status: "SKIP", needs };
}

/** Those of `checks` that did not pass, among `numbers` if given. */
function notPassed(checks: readonly Check[], numbers?: readonly CheckNumber[]): CheckNumber[] {
  return checks
    .filter(({ number, status }) => status !== "PASS" && (numbers?.includes(number) ?? true))
    .map(({ number }) => number);
}

function read(fileBytes: Uint8Array): ReceiptFile | Failure {
  try {
    return decodeReceiptFile(fileBytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { reason: "FORMAT_INVALID", message: error.message };
  }
}

/** Checks 1 … 12 of a file that could be read, each told to `tell` as it is done. */
function runChecks(
  file: ReceiptFile,
  context: VerifyContext,
  execute: Execute,
  tell: (check: Check) => void,
): readonly Check[] {
  const checks: Check[] = [];
  const add = (check: Check): void => {
    checks.push(check);
    tell(check);
  };
  add(checkOf(FORMAT_CHECK, null));
  for (const check of STATIC_CHECKS) {
    const needs = notPassed(checks, check.needs);
    add(needs.length > 0 ? skipped(check, needs) : checkOf(check, check.run(file, context)));
  }
  const needs = notPassed(checks);
  const execution = needs.length > 0 ? undefined : executeFile(file, execute);
  for (const check of EXECUTION_CHECKS) {
    add(
      execution === undefined ? skipped(check, needs) : checkOf(check, check.run(file, execution)),
    );
  }
  return checks;
}

function reasonOf(checks: readonly Check[]): Verdict["reason"] {
  const failed = checks.find((check) => check.status === "FAIL");
  return failed?.reason ?? null;
}

/**
 * Verifies a receipt file. `execute` is called at most once, and only for a file whose signatures,
 * openings and limits hold: with tokens below the vocabulary and no more than the context.
 *
 * @throws whatever `execute` throws, and RangeError if it answers something that is no execution:
 * that says nothing about the file.
 */
export function verify(fileBytes: Uint8Array, context: VerifyContext, execute: Execute): Verdict {
  const tell = context.onCheck ?? (() => undefined);
  const file = read(fileBytes);
  if ("reason" in file) return unreadable(file, tell);
  const checks = runChecks(file, context, execute, tell);
  return {
    ok: notPassed(checks).length === 0,
    reason: reasonOf(checks),
    checks,
    assurance: assuranceOf(file, context),
    receiptHash: receiptHash(file.receipt),
    file,
  };
}

function unreadable(failure: Failure, tell: (check: Check) => void): Verdict {
  const others = [...STATIC_CHECKS, ...EXECUTION_CHECKS];
  const checks = [checkOf(FORMAT_CHECK, failure), ...others.map((check) => skipped(check, [1]))];
  for (const check of checks) tell(check);
  return {
    ok: false,
    reason: failure.reason,
    checks,
    assurance: [],
    receiptHash: null,
    file: null,
  };
}
