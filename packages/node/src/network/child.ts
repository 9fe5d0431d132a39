/** A role as a child process: started, awaited until it is ready, stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { type NetworkFile, parseNetworkFile } from "@assay/chain";

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 8_000;

/** In place of a network file's path: the parent sends the network. */
export const NETWORK_OF_PARENT = "parent";

/** What a role process sends its parent once, when it serves. */
export interface ReadyMessage {
  readonly type: "ready";
  /** The gateway's base URL. */
  readonly url?: string;
}

export interface RoleProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the role serves; rejects when it ends before, or is silent for too long. */
  readonly ready: Promise<ReadyMessage>;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface SpawnOptions {
  readonly name: string;
  /** Executable and its first arguments. */
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  /** Sent to the process when it resolves; the process is ended when it rejects. */
  readonly network: Promise<NetworkFile>;
  readonly logFile: string;
  /** `postgres://` URL of its database; a file in its home when absent. */
  readonly database?: string | undefined;
}

/** Starts the process with its output in `logFile`. */
export function spawnRole(options: SpawnOptions): RoleProcess {
  const { name, logFile } = options;
  const [executable, ...first] = options.command;
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(executable, [...first, ...options.args], {
    stdio: ["ignore", log, log, "ipc"],
    // In the environment, since everybody sees a process's arguments; not ours, which is for one role.
    env: { ...process.env, ASSAY_DATABASE: options.database ?? "" },
    // Ctrl-C in the terminal is for the network as a whole: it stops its roles in order.
    detached: true,
  });
  options.network.then(
    (network) => child.connected && child.send({ type: "network", network }),
    () => child.kill("SIGKILL"),
  );
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once("error", (error) => resolve(error.message));
  });
  const ready = Promise.race([
    readyMessage(child),
    ended,
    new Promise<string>((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, "silence").unref()),
  ]).then((message) => {
    if (typeof message !== "string") return message;
    throw new Error(`${name} did not start (${lastWords(logFile) ?? message}); see ${logFile}`);
  });
  // Whoever waits for it is told; nobody has to.
  ready.catch(() => undefined);
  return { name, pid: child.pid ?? 0, ready, ended, stop: () => stop(child, ended) };
}

/** What a process that failed has said of it, on a line of its own at the end of its log. */
function lastWords(logFile: string): string | undefined {
  const line = readFileSync(logFile, "utf8").trimEnd().split("\n").at(-1);
  return line?.startsWith("assay: ") ? line.slice("assay: ".length) : undefined;
}

function readyMessage(child: ChildProcess): Promise<ReadyMessage> {
  return new Promise((resolve) => {
    child.on("message", (message) => {
      if (isReady(message)) resolve(message);
    });
  });
}

const isReady = (message: unknown): message is ReadyMessage =>
  typeof message === "object" && message !== null && "type" in message && message.type === "ready";

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

/** The child's side: the network that the parent sends. */
export async function networkOfParent(): Promise<NetworkFile> {
  if (process.send === undefined) {
    throw new Error(`"--network ${NETWORK_OF_PARENT}" is for processes that assay starts itself`);
  }
  const [message]: unknown[] = await once(process, "message");
  const network =
    typeof message === "object" && message !== null ? Reflect.get(message, "network") : undefined;
  return parseNetworkFile(JSON.stringify(network ?? null));
}

/**
 * The child's side: says that it serves, and runs `stop` once when it is told to end or when its parent
 * is gone (then nobody else would end it).
 */
export function serveParent(ready: ReadyMessage, stop: () => Promise<void>): void {
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`stopping failed: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  if (process.send === undefined) return;
  process.on("disconnect", end);
  process.send(ready);
}
