/** Runs svelte-check on each package that has components: their types, their accessibility, unused styles. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { filesBelow, packageNames, report } from "./repository.ts";

/** Its own compiler, of a version that it works with, is beside it: npm puts both into the package. */
const PROGRAM = "node_modules/svelte-check/bin/svelte-check";

function problemsOf(folder: string): readonly string[] {
  const program = [path.join(folder, PROGRAM), PROGRAM].find(existsSync);
  if (program === undefined) return [`${folder} has components, and svelte-check is not installed`];
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [
      program,
      `--workspace=${folder}`,
      "--tsconfig=tsconfig.json",
      "--fail-on-warnings",
      "--output=human-verbose",
    ],
    { encoding: "utf8" },
  );
  return status === 0 ? [] : [`${folder}: ${stdout}${stderr}${error?.message ?? ""}`];
}

const folders = packageNames().map((name) => `packages/${name}`);
const components = folders.map((folder) => filesBelow(`${folder}/src`, [".svelte"]).length);
report(
  folders.flatMap((folder, i) => ((components[i] ?? 0) > 0 ? problemsOf(folder) : [])),
  `${components.reduce((sum, count) => sum + count, 0)} components`,
);
