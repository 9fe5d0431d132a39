/** Numbers and hashes as people read them. */

/** 18 decimals, as the development token has. */
const DECIMALS = 18;

export function tokens(base: string): string {
  const digits = base.padStart(DECIMALS + 1, "0");
  const whole = digits.slice(0, -DECIMALS);
  const part = digits.slice(-DECIMALS).replace(/0+$/, "");
  return part === "" ? whole : `${whole}.${part}`;
}

export const milliseconds = (value: number): string =>
  value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;

export const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;
