import { pino } from "pino";

export type Logger = ReturnType<typeof pino>;

/** A JSON logger on standard output. Prompts and answers are never logged. */
export const createLogger = (name: string, level = process.env["ASSAY_LOG"] ?? "info"): Logger =>
  pino({ name, level });
