/** `npm run forge -- ARGS`: npm's forge, in contracts/, compiling with npm's solc, offline. */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The binary that npm installed for this platform. @throws {Error} where there is none. */
function forgeBinary(): string {
  const name = `@foundry-rs/forge-${process.platform}-${ARCHITECTURES[process.arch]}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return path.join(path.dirname(manifest), "bin", "forge");
  } catch (cause) {
    throw new Error(`forge is missing: ${name} is not installed; run "npm ci"`, { cause });
  }
}

/** Runs forge in `project`; its output is returned where `capture` is set, and shown otherwise. */
export function runForge(
  args: readonly string[],
  { project = "contracts", capture = false } = {},
): SpawnSyncReturns<string> {
  return spawnSync(forgeBinary(), args, {
    cwd: project,
    encoding: "utf8",
    stdio: ["ignore", capture ? "pipe" : "inherit", "inherit"],
    maxBuffer: 256 * 1024 * 1024,
    env: {
      ...process.env,
      FOUNDRY_SOLC: path.join(import.meta.dirname, "solc.mjs"),
      FOUNDRY_OFFLINE: "true",
      FOUNDRY_DISABLE_NIGHTLY_WARNING: "true",
    },
  });
}

if (import.meta.main) process.exitCode = runForge(process.argv.slice(2)).status ?? 1;
