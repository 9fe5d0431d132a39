/** The `assay` command as a user has it: a process, with its state in a directory of its own. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/assay.mjs", import.meta.url));
const WAIT_MS = 60_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<Ended>;
  /** Resolves when the output so far holds; throws when the process ends first. */
  until(
    what: string,
    holds: (output: { stdout: string; stderr: string }) => boolean,
  ): Promise<void>;
  signal(name: NodeJS.Signals): void;
}

export interface Home {
  readonly path: string;
  /** Runs `assay` to its end. */
  assay(...args: readonly string[]): Promise<Ended>;
  start(...args: readonly string[]): Running;
  /** Processes of this home that are alive, by their command lines. */
  processes(): readonly { readonly pid: number; readonly command: string }[];
  /** The network file that a network of this home wrote. */
  networkFile(): string;
  /** Ends what a failed test left, and removes the state. */
  remove(): void;
}

export function newHome(): Home {
  const path = mkdtempSync(join(tmpdir(), "assay-e2e-"));
  const started: ChildProcess[] = [];
  const start = (...args: readonly string[]): Running => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { ...process.env, ASSAY_HOME: path, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.push(child);
    return runningOf(child);
  };
  const processes = () => processesOf(path);
  return {
    path,
    start,
    processes,
    assay: (...args) => start(...args).ended,
    networkFile() {
      const [name] = readdirSync(join(path, "networks"));
      return join(path, "networks", name ?? "", "network.json");
    },
    remove() {
      for (const child of started) child.kill("SIGKILL");
      for (const { pid } of processes()) process.kill(pid, "SIGKILL");
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

function runningOf(child: ChildProcess): Running {
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  let over = false;
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => {
      over = true;
      resolve({ code, ...output });
    });
  });
  if (child.pid === undefined) throw new Error("assay did not start");
  return {
    pid: child.pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    signal: (name) => child.kill(name),
    async until(what, holds) {
      const limit = performance.now() + WAIT_MS;
      while (!holds(output)) {
        if (over || performance.now() > limit) {
          throw new Error(`${what}: did not come\n${output.stdout}\n${output.stderr}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** Roles and chain carry the home's path in their arguments. */
function processesOf(path: string): { pid: number; command: string }[] {
  const lines = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  return lines
    .filter((line) => line.includes(path))
    .map((line) => {
      const [, pid = "", command = ""] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
      return { pid: Number(pid), command };
    });
}

/** Waits until no process of this home is left; what is left after a while is the answer. */
export async function leftovers(home: Home, withinMs = 10_000): Promise<readonly string[]> {
  const limit = performance.now() + withinMs;
  for (;;) {
    const left = home.processes().map(({ command }) => command);
    if (left.length === 0 || performance.now() > limit) return left;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The JSON objects that a verb printed, one a line. */
export const jsonLines = (stdout: string): readonly Record<string, unknown>[] =>
  stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): Record<string, unknown> => JSON.parse(line));

export const readText = (path: string): string => readFileSync(path, "utf8");
