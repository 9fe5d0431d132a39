/** A verdict in plain lines, for people. */

import type { Check, Verdict } from "./verdict.ts";

function describeCheck(check: Check): string {
  const head = `${String(check.number).padStart(2)}. ${check.status} ${check.name}`;
  switch (check.status) {
    case "PASS":
      return `${head}: ${check.proves}`;
    case "FAIL":
      return `${head}: ${check.message} [${check.reason}]`;
    case "SKIP":
      return `${head}: not carried out, because check ${check.needs.join(", ")} did not pass`;
  }
}

/** Numbered lines, one a check, then what the verdict rests on, then the verdict. */
export function describeVerdict(verdict: Verdict): readonly string[] {
  const passed = verdict.checks.filter(({ status }) => status === "PASS").length;
  return [
    ...verdict.checks.map(describeCheck),
    ...verdict.assurance.map(({ code, text }) => `  - ${text} [${code}]`),
    verdict.ok
      ? `VALID: all ${passed} checks passed`
      : `INVALID: ${verdict.reason}, ${passed} of ${verdict.checks.length} checks passed`,
  ];
}
