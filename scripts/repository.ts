/** Reading this repository: its JSON files, its sources, and what git would commit. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** The parts of a package.json that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly exports?: unknown;
  readonly bin?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** One package of package-lock.json. */
export interface LockfileEntry {
  readonly version?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockfileEntry>>;
}

/** One exact version: no range, no tag. */
export const EXACT_VERSION: RegExp = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Platform packages that a locked package wants and the lockfile does not hold. */
export function missingPlatformPackages({ packages }: Lockfile) {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name, version]) => {
        const held = [`node_modules/${name}`, `${path}/node_modules/${name}`];
        return EXACT_VERSION.test(version) && !held.some((place) => place in packages);
      })
      .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
  );
}

/** Parses a JSON file that is ours; `T` is the shape that its writer promises. */
export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

/** The names of the folders under `packages/` that hold a package. */
export function packageNames(): readonly string[] {
  return readdirSync("packages").filter((name) => existsSync(`packages/${name}/package.json`));
}

/** Every file below `folder` with one of `extensions`, sorted; none where the folder does not exist. */
export function filesBelow(folder: string, extensions: readonly string[]): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.includes(path.extname(entry.name)))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter(
      (file) => !file.split(path.sep).some((part) => part === "node_modules" || part === "dist"),
    )
    .toSorted();
}

/** The files under `paths` (all, where none is given) that are tracked or would be added. */
export function gitFiles(paths: readonly string[] = [], trackedOnly = false): readonly string[] {
  const others = trackedOnly ? [] : ["--others", "--exclude-standard"];
  const args = ["ls-files", "-z", "--cached", ...others, "--", ...paths];
  const result = spawnSync("git", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0) {
    throw new Error(`git ${args.join(" ")} failed: ${result.error?.message ?? result.stderr}`);
  }
  return [...new Set(result.stdout.split("\0"))].filter((file) => file !== "" && existsSync(file));
}

/** Prints the problems and fails, or says what was looked at. The last call of every check script. */
export function report(problems: readonly string[], lookedAt: string): void {
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) console.log(lookedAt);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
