/** One rule of a check, and the first one that is broken. */

import type { Failure, Reason } from "./verdict.ts";

export function rule(reason: Reason, broken: boolean, message: string): Failure | null {
  return broken ? { reason, message } : null;
}

export function firstFailure(...results: readonly (Failure | null)[]): Failure | null {
  return results.find((result) => result !== null) ?? null;
}
