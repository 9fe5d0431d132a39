/** Where state lives: `$ASSAY_HOME`, or the user's data directory by the XDG rules. */

import { mkdirSync } from "node:fs";
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
