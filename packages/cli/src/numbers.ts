/** Numbers in flags. */

import { CliError, EXIT } from "./exit-code.ts";

export function integer(flag: string, text: string, least: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new CliError(EXIT.usage, `${flag} ${text} is not a whole number of at least ${least}`);
}

export function number(flag: string, text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new CliError(EXIT.usage, `${flag} ${text} is not a number`);
}
