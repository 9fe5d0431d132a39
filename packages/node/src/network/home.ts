/** Where state lives: `$ASSAY_HOME`, or the user's data directory by the XDG rules. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

export function assayHome(environment: NodeJS.ProcessEnv = process.env): string {
  const { ASSAY_HOME: own, XDG_DATA_HOME: data } = environment;
  if (own) return resolve(own);
  if (data && isAbsolute(data)) return join(data, "assay");
  return join(homedir(), ".local", "share", "assay");
}

/** Makes a directory that only this user can enter, with its parents. */
export function privateDirectory(...parts: readonly string[]): string {
  const path = join(...parts);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/**
 * Keeps a second network off this directory: two chains would write one state. Returns what gives it free.
 *
 * @throws while the process that holds it lives
 */
export function lockHome(home: string): () => void {
  const lock = join(home, "network.lock");
  if (!takeLock(lock)) {
    const holder = holderOf(lock);
    if (holder === undefined) rmSync(lock, { force: true });
    if (holder !== undefined || !takeLock(lock)) {
      throw new Error(
        `a network runs on ${home} already${holder === undefined ? "" : ` (process ${holder})`}: use it with "assay ask", stop it, or set ASSAY_HOME to another directory`,
      );
    }
  }
  return () => rmSync(lock, { force: true });
}

/** Creates the lock; false if it is there. */
function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** The living process in the lock file. */
function holderOf(lock: string): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(lock, "utf8"));
  } catch {
    return undefined;
  }
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
