/** Plain words for amounts, hashes and verdicts. */

import type { Answer } from "@assay/sdk";
import type { Verdict } from "@assay/verifier";

/** Base units of the development token in tokens, without trailing zeros. */
export function tokens(amount: bigint, decimals = 18): string {
  const unit = 10n ** BigInt(decimals);
  const fraction = (amount % unit).toString().padStart(decimals, "0").replace(/0+$/, "");
  return fraction === "" ? `${amount / unit}` : `${amount / unit}.${fraction}`;
}

export const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString("hex")}`;

/** Enough of an address or hash to tell it from its neighbours. */
export const short = (bytes: Uint8Array | string): string => {
  const text = typeof bytes === "string" ? bytes : hex(bytes);
  return `${text.slice(0, 8)}…${text.slice(-4)}`;
};

/** The verdict in one line. */
export function verdictLine(verdict: Verdict): string {
  if (verdict.ok) return `VERIFIED: all ${verdict.checks.length} checks passed`;
  const failed = verdict.checks.find((check) => check.status === "FAIL");
  return failed === undefined
    ? "NOT VERIFIED: a required check was skipped"
    : `NOT VERIFIED: check ${failed.number}, ${failed.name}: ${failed.message}`;
}

/** Why an answer may not be believed; null if it may. */
export function objection(answer: Answer): string | null {
  if (!answer.verdict.ok) return verdictLine(answer.verdict);
  if (answer.faithful) return null;
  return `NOT VERIFIED: the gateway showed a text that is not the receipt's, which says: ${answer.text}`;
}

/** JSON that keeps big numbers and bytes: as text. */
export const json = (value: unknown): string =>
  JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === "bigint") return field.toString();
    return field instanceof Uint8Array ? hex(field) : field;
  });
