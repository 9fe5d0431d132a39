/** The entry point of `assay`: finds the verb, runs it, turns the outcome into an exit code. */

import { type CommandDef, renderUsage, runCommand, type SubCommandsDef } from "citty";

import { CliError, EXIT, type ExitCode } from "./exit-code.ts";
import { version } from "./version.ts";

/** One row per verb; a verb's module is loaded only when it is called. */
const verbs: SubCommandsDef = {
  start: () => import("./verbs/start.ts").then((verb) => verb.start),
  up: () => import("./verbs/up.ts").then((verb) => verb.up),
  ask: () => import("./verbs/ask.ts").then((verb) => verb.ask),
  verify: () => import("./verbs/verify.ts").then((verb) => verb.verify),
  deploy: () => import("./verbs/deploy.ts").then((verb) => verb.deploy),
  wallet: () => import("./verbs/wallet.ts").then((verb) => verb.wallet),
  worker: () => import("./verbs/role.ts").then((verb) => verb.worker),
  verifier: () => import("./verbs/role.ts").then((verb) => verb.verifier),
  gateway: () => import("./verbs/role.ts").then((verb) => verb.gateway),
};

const assay: CommandDef = {
  meta: { name: "assay", version, description: "AI compute that proves itself" },
  subCommands: verbs,
};

async function main(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === "--version") {
    console.log(version);
    return 0;
  }
  if (first === "--help" || first === "help") {
    console.log(await renderUsage(assay));
    return 0;
  }
  if (first === undefined || !Object.hasOwn(verbs, first)) {
    const what = first === undefined ? "no verb given" : `unknown verb "${first}"`;
    console.error(`assay: ${what}. "assay --help" lists what there is.`);
    return EXIT.usage;
  }
  await runCommand(assay, { rawArgs: [...args] });
  return Number(process.exitCode ?? EXIT.done);
}

/** Codes of a ChainError that say that what was asked for cannot be. */
const USAGE = ["CHAIN_BLOCK_TIME", "CHAIN_DEVELOPMENT_KEY", "CHAIN_NETWORK_FILE", "CHAIN_TOKEN"];

/** Which exit code an error means; what the SDK cannot reach is the network's. */
function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (!(error instanceof Error)) return EXIT.internal;
  if (error.name === "SdkError") return EXIT.network;
  if (error.name === "ChainError") {
    const code: unknown = Reflect.get(Reflect.get(error, "detail"), "code");
    return USAGE.includes(String(code)) ? EXIT.usage : EXIT.network;
  }
  if (error.name === "TimeoutError") return EXIT.timeout;
  if (error.name === "CLIError") return EXIT.usage;
  return EXIT.internal;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`assay: ${error instanceof Error ? error.message : String(error)}`);
  // What a role had opened before it failed would keep the process alive, and whoever started it waiting.
  process.exit(exitCodeOf(error));
}
