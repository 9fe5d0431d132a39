/**
 * The embedded development chain: anvil as a child process, with its state on disk.
 *
 * An ordinary chain in every respect but its owner: blocks by the clock, a transaction gas limit, no calls of
 * `evm_*` or `anvil_*`.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ChainError } from "./chain-error.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-keys.ts";
import { freePort } from "./free-port.ts";

/** With a window of three blocks (`DEVELOPMENT_TERMS`), a challenge has 1.5 s. */
const DEVELOPMENT_BLOCK_SECONDS = 0.5;

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;

export interface DevelopmentChain {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Stops the chain; its state is on disk when this resolves. */
  stop(): Promise<void>;
}

export interface DevelopmentChainOptions {
  /** Directory for the state and the process id; it exists. */
  readonly directory: string;
  /** TCP port on loopback; a free one is chosen when absent. */
  readonly port?: number;
  /** Time from block to block. */
  readonly blockSeconds?: number;
  /** Another chain's id, to have one that is not the development chain: its keys are refused there. */
  readonly chainId?: number;
}

/** Starts the chain, or throws `CHAIN_BINARY_MISSING` or `CHAIN_NOT_STARTED`. About 0.1 s. */
export async function startDevelopmentChain(
  options: DevelopmentChainOptions,
): Promise<DevelopmentChain> {
  const {
    directory,
    blockSeconds = DEVELOPMENT_BLOCK_SECONDS,
    chainId = DEVELOPMENT_CHAIN_ID,
  } = options;
  const pidFile = join(directory, "chain.pid");
  const stateFile = join(directory, "chain.json");
  await endStale(pidFile, stateFile);
  const port = options.port ?? (await freePort());
  const child = spawn(
    anvilBinary(),
    anvilArguments({ port, stateFile, directory, blockSeconds, chainId }),
    {
      stdio: ["ignore", "pipe", "pipe"],
      // Its own process group: Ctrl-C in the terminal goes to us, and we stop it in order.
      detached: true,
    },
  );
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-2_000);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const url = `http://127.0.0.1:${port}`;
  const waitedMs = await untilAnswering(url, child);
  if (waitedMs >= START_TIMEOUT_MS || child.pid === undefined) {
    child.kill("SIGKILL");
    throw new ChainError({ code: "CHAIN_NOT_STARTED", waitedMs, output: output.trim() });
  }
  writeFileSync(pidFile, `${child.pid}\n`);
  return {
    url,
    pid: child.pid,
    ended,
    stop: async () => {
      await stopProcess(child, ended);
      rmSync(pidFile, { force: true });
    },
  };
}

interface AnvilOptions {
  readonly port: number;
  readonly stateFile: string;
  readonly directory: string;
  readonly blockSeconds: number;
  readonly chainId: number;
}

function anvilArguments({
  port,
  stateFile,
  directory,
  blockSeconds,
  chainId,
}: AnvilOptions): string[] {
  return [
    ["--host", "127.0.0.1"],
    ["--port", String(port)],
    ["--chain-id", String(chainId)],
    ["--silent"],
    ["--hardfork", "osaka"],
    ["--enable-tx-gas-limit"],
    // Reads of "latest" race with new blocks: some states have to stay.
    ["--prune-history", "128"],
    ["--cache-path", join(directory, "chain-cache")],
    ["--state", stateFile],
    ["--state-interval", "5"],
    // Blocks by the clock only: where a transaction makes a block, whoever sends enough of them ends a challenge window.
    ["--block-time", String(blockSeconds)],
  ].flat();
}

/** The platform's binary itself: the package's own launcher costs another Node process. */
function anvilBinary(): string {
  const platform = `${process.platform === "win32" ? "win32" : process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`@foundry-rs/anvil-${platform}/package.json`);
    const binary = join(
      dirname(manifest),
      "bin",
      process.platform === "win32" ? "anvil.exe" : "anvil",
    );
    if (existsSync(binary)) return binary;
  } catch {
    // Falls through: the message names the platform.
  }
  throw new ChainError({ code: "CHAIN_BINARY_MISSING", platform });
}

async function untilAnswering(url: string, child: ChildProcess): Promise<number> {
  const started = performance.now();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
  for (;;) {
    const waited = Math.round(performance.now() - started);
    if (waited >= START_TIMEOUT_MS || child.exitCode !== null) return START_TIMEOUT_MS;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      if (response.ok) return waited;
    } catch {
      // Not listening yet.
    }
    await sleep(10);
  }
}

async function stopProcess(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

/** Ends a chain that an earlier run left behind (killed before it could stop it): it holds our state file. */
async function endStale(pidFile: string, stateFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  if (Number.isSafeInteger(pid) && pid > 1 && ownsState(pid, stateFile)) {
    process.kill(pid, "SIGTERM");
    for (let waited = 0; waited < STOP_TIMEOUT_MS && ownsState(pid, stateFile); waited += 50) {
      await sleep(50);
    }
  }
  rmSync(pidFile, { force: true });
}

/** Whether process `pid` is a chain on this state file; without /proc nothing is ended. */
function ownsState(pid: number, stateFile: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(stateFile);
  } catch {
    return false;
  }
}
