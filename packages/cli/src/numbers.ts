/** Numbers in flags. */

import { CliError, EXIT } from "./exit-code.ts";

export function integer(flag: string, text: string, least: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new CliError(EXIT.usage, `${flag} ${text} is not a whole number of at least ${least}`);
}

export function positive(flag: string, text: string): number {
  const value = number(flag, text);
  if (value > 0) return value;
  throw new CliError(EXIT.usage, `${flag} ${text} is not above 0`);
}

const DECIMALS = 18;

/** Tokens or coins, with up to 18 decimals, in base units. */
export function amount(flag: string, text: string): bigint {
  const [, whole = "", part = ""] = /^(\d{1,30})(?:\.(\d{1,18}))?$/.exec(text) ?? [];
  if (whole !== "") return BigInt(whole + part.padEnd(DECIMALS, "0"));
  throw new CliError(EXIT.usage, `${flag} ${text} is not an amount, such as 100 or 0.25`);
}

export function number(flag: string, text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new CliError(EXIT.usage, `${flag} ${text} is not a number`);
}
