/** `npm run check`, or `npm run check -- NAME…`: every check on the sources, one test each. */

import { spawnSync } from "node:child_process";
import { summaryLine } from "./summary.ts";

const node = [process.execPath, "--disable-warning=ExperimentalWarning"];

/** Program and arguments of each check, in the order of how often it is the one that fails. */
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  types: [...node, "node_modules/typescript/bin/tsc", "-b", "--pretty", "false"],
  svelte: [...node, "scripts/check-svelte.ts"],
  lint: [...node, "node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings"],
  boundaries: [...node, "scripts/check-boundaries.ts"],
  sizes: [...node, "scripts/check-sizes.ts"],
  text: [...node, "scripts/check-text.ts"],
  pins: [...node, "scripts/check-pins.ts"],
  unused: [...node, "node_modules/knip/bin/knip.js", "--no-progress", "--no-config-hints"],
  generated: [...node, "scripts/generate.ts", "--check"],
};

function runCheck(name: string, [program = "", ...args]: readonly string[]): boolean {
  const started = Date.now();
  const result = spawnSync(program, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const passed = result.status === 0;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${passed ? "PASS" : "FAIL"} ${name} (${seconds} s)`);
  const output = `${result.stdout}${result.stderr}${result.error?.message ?? ""}`.trim();
  if (output !== "") console.log(output.replaceAll(/^/gm, "  "));
  return passed;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(CHECKS, name));
if (unknown.length > 0) {
  console.error(
    `unknown check ${unknown.join(", ")}; there are: ${Object.keys(CHECKS).join(", ")}`,
  );
  process.exit(2);
}
const selected = Object.entries(CHECKS).filter(
  ([name]) => wanted.length === 0 || wanted.includes(name),
);
const passed = selected.filter(([name, command]) => runCheck(name, command)).length;
console.log(summaryLine({ passed, failed: selected.length - passed, skipped: 0 }));
process.exitCode = passed === selected.length ? 0 : 1;
