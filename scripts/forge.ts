/** `npm run forge -- ARGS`: npm's forge on contracts/, compiling with npm's solc, offline. */

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

/**
 * Runs forge on contracts/; its output is returned where `capture` is set, and shown otherwise.
 *
 * The root is the repository's: npm's packages must lie below it, or forge names the same source once
 * by a relative and once by an absolute path, and solc finds only one of them.
 */
export function runForge(
  args: readonly string[],
  { capture = false } = {},
): SpawnSyncReturns<string> {
  return spawnSync(forgeBinary(), args, {
    encoding: "utf8",
    stdio: ["ignore", capture ? "pipe" : "inherit", "inherit"],
    maxBuffer: 256 * 1024 * 1024,
    env: {
      ...process.env,
      FOUNDRY_CONFIG: "contracts/foundry.toml",
      FOUNDRY_SOLC: path.join(import.meta.dirname, "solc.mjs"),
      FOUNDRY_OFFLINE: "true",
      FOUNDRY_DISABLE_NIGHTLY_WARNING: "true",
    },
  });
}

if (import.meta.main) process.exitCode = runForge(process.argv.slice(2)).status ?? 1;
