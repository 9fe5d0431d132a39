#!/usr/bin/env node
// npm's solc behind the command line that forge calls: `--version`, and `--standard-json` on stdin.
// forge puts every source into that JSON, so the path flags it also passes have nothing to do.

import { readFileSync } from "node:fs";
import solc from "solc";

const args = process.argv.slice(2);
if (args.includes("--version")) {
  process.stdout.write(
    `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`,
  );
} else if (args.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("solc.mjs: only --version and --standard-json are supported\n");
  process.exitCode = 2;
}
