/** The entry point of `assay`: finds the verb, runs it, turns the outcome into an exit code. */

import { readFileSync } from "node:fs";
import { type CommandDef, renderUsage, runCommand, type SubCommandsDef } from "citty";

const EXIT_USAGE = 2;
const EXIT_INTERNAL = 1;

const manifest: { version: string } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);

/** One row per verb; a verb's module is loaded only when it is called. */
const verbs: SubCommandsDef = {};

const assay: CommandDef = {
  meta: { name: "assay", version: manifest.version, description: "AI compute that proves itself" },
  subCommands: verbs,
};

async function main(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === "--version") {
    console.log(manifest.version);
    return 0;
  }
  if (first === "--help" || first === "help") {
    console.log(await renderUsage(assay));
    return 0;
  }
  if (first === undefined || !Object.hasOwn(verbs, first)) {
    const what = first === undefined ? "no verb given" : `unknown verb "${first}"`;
    console.error(`assay: ${what}. "assay --help" lists what there is.`);
    return EXIT_USAGE;
  }
  await runCommand(assay, { rawArgs: [...args] });
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`assay: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = EXIT_INTERNAL;
}
