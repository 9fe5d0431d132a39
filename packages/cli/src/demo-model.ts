/** The model that comes with the sources. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openModel } from "@assay/sdk";
import { CliError, EXIT } from "./exit-code.ts";
import { repository } from "./repository.ts";

export const DEMO_MODEL = {
  name: "demo",
  path: join(repository, "models", "demo", "demo.assay"),
} as const;

/** A source of programs for the SDK: the demo model and the given files, by their root. */
export function programsFrom(paths: readonly string[]): (root: Uint8Array) => Promise<Uint8Array> {
  return async (root) => {
    for (const path of paths) {
      const bytes = readProgram(path);
      if (Buffer.from(openModel(bytes).root).equals(root)) return bytes;
    }
    throw new CliError(
      EXIT.notVerified,
      `the program 0x${Buffer.from(root).toString("hex")} is not here (looked at ${paths.join(", ")}); give its file with --model`,
    );
  };
}

export function readProgram(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new CliError(EXIT.usage, `cannot read the program file ${path}; check --model`, {
      cause: error,
    });
  }
}
