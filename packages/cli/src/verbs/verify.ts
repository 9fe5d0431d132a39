/** `assay verify FILE`: an offline check of a receipt file. */

import { readFileSync, statSync } from "node:fs";
import { openModel } from "@assay/sdk";
import { describeVerdict } from "@assay/verifier";
import { defineCommand } from "citty";
import { DEMO_MODEL, readProgram } from "../demo-model.ts";
import { CliError, EXIT } from "../exit-code.ts";
import { createScreen } from "../screen.ts";
import { hex, json, verdictLine } from "../words.ts";

/** More than the largest receipt file (spec/03 §3.4); `verify` refuses what is too long by its own rule. */
const MAX_FILE_BYTES = 1_048_576;
/** Clocks differ: a receipt may be this far in our future. */
const CLOCK_SKEW_SECONDS = 300;

export const verify = defineCommand({
  meta: {
    name: "verify",
    description: "check a receipt file, offline, by running the model again",
  },
  args: {
    file: { type: "positional", description: "receipt file", required: true },
    model: { type: "string", description: "program file", default: DEMO_MODEL.path },
    root: { type: "string", description: "the program root that you expect (0x…)" },
    explain: { type: "boolean", description: "each check, and what it proves" },
    json: { type: "boolean", description: "one JSON object instead of prose" },
  },
  run({ args }) {
    const screen = createScreen(args.json === true);
    const pinnedRoot = args.root === undefined ? undefined : rootOf(args.root);
    const verdict = openModel(readProgram(args.model)).verify(readReceipt(args.file), {
      now: BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS),
      ...(pinnedRoot === undefined ? {} : { pinnedRoot }),
    });
    if (args.explain === true) for (const line of describeVerdict(verdict)) screen.line(line);
    screen.line(verdictLine(verdict));
    screen.result(
      json({
        version: 1,
        verified: verdict.ok,
        reason: verdict.reason,
        receiptId: verdict.receiptHash === null ? null : hex(verdict.receiptHash),
        checks: verdict.checks,
        assurance: verdict.assurance,
      }),
    );
    if (!verdict.ok) process.exitCode = EXIT.notVerified;
  },
});

function rootOf(text: string): Uint8Array {
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text)) {
    throw new CliError(
      EXIT.usage,
      `--root ${text} is not a program root (0x and 64 hexadecimal digits)`,
    );
  }
  return Uint8Array.from(Buffer.from(text.replace(/^0x/, ""), "hex"));
}

function readReceipt(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) {
      throw new CliError(
        EXIT.notVerified,
        `${path} has ${size} bytes; no receipt file is that large`,
      );
    }
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.usage, `cannot read the receipt file ${path}`, { cause: error });
  }
}
