/**
 * Generated files that are committed: runs every row of scripts/generated.json into place.
 *
 * With `--check`, fails where that changed a file, or where a row's paths hold no file that git
 * tracks. An empty list passes only because the file says `"rows": []`.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gitFiles, readJson, report } from "./repository.ts";

interface Row {
  readonly name: string;
  /** Program and arguments, run in the repository root; `node` is the pinned one. */
  readonly command: readonly string[];
  /** Files and folders that the command writes, and nothing else does. */
  readonly paths: readonly string[];
}

function hashes(paths: readonly string[]): ReadonlyMap<string, string> {
  const hash = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
  return new Map(gitFiles(paths).map((file) => [file, hash(file)]));
}

function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
  const files = new Set([...before.keys(), ...after.keys()]);
  return [...files].filter((file) => before.get(file) !== after.get(file));
}

function runRow(row: Row): readonly string[] {
  const before = hashes(row.paths);
  const [program = "", ...args] = row.command;
  const result = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (result.status !== 0) {
    const why = result.error?.message ?? `it ended with ${result.status ?? result.signal}`;
    return [`${row.name}: "${row.command.join(" ")}" failed: ${why}`];
  }
  const stale = changed(before, hashes(row.paths));
  if (!process.argv.includes("--check")) {
    for (const file of stale) console.log(`${row.name}: wrote ${file}`);
    return [];
  }
  const problems = stale.map(
    (file) => `${row.name}: ${file} was stale; it is up to date now, commit it`,
  );
  if (row.paths.length === 0 || gitFiles(row.paths, true).length === 0) {
    problems.push(`${row.name}: git tracks nothing under [${row.paths}]`);
  }
  return problems;
}

const { rows } = readJson<{ rows: readonly Row[] }>("scripts/generated.json");
report(rows.flatMap(runRow), `${rows.length} generated sets`);
