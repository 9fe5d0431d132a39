/**
 * `npm run lock`, after a change of dependencies: makes package-lock.json complete for every platform.
 *
 * npm leaves a platform's optional package out of the lockfile where it cannot fetch its description,
 * and `npm ci` then refuses the lockfile. Such packages are named with an exact version by the
 * package that wants them, so their entry can be written down: without integrity, since nobody here
 * has seen the file, and with the platform that the name says, so that it installs nowhere else.
 */

import { writeFileSync } from "node:fs";
import {
  type Lockfile,
  type LockfileEntry,
  missingPlatformPackages,
  readJson,
} from "./repository.ts";

const OPERATING_SYSTEMS = ["darwin", "linux", "win32", "android", "freebsd", "openharmony"];
const PROCESSORS: Readonly<Record<string, string>> = {
  amd64: "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

/** `@biomejs/cli-linux-x64-musl` → linux, x64. @throws {Error} for a name that says no platform. */
function platformOf(name: string): { os: string[]; cpu: string[] } {
  const words = name.split(/[-/]/);
  const os = words.find((word) => OPERATING_SYSTEMS.includes(word));
  const word = words.find((candidate) => Object.hasOwn(PROCESSORS, candidate));
  const cpu = word === undefined ? undefined : PROCESSORS[word];
  if (os === undefined || cpu === undefined) {
    throw new Error(`${name} is missing in package-lock.json, and its name says no platform`);
  }
  return { os: [os], cpu: [cpu] };
}

const lockfile = readJson<Lockfile>("package-lock.json");
const packages: Record<string, LockfileEntry> = { ...lockfile.packages };
for (const { name, version, dev } of missingPlatformPackages(lockfile)) {
  const { os, cpu } = platformOf(name);
  // npm's own order, so that its next install changes nothing.
  packages[`node_modules/${name}`] = {
    version,
    cpu,
    ...(dev ? { dev } : {}),
    ...(name.includes("musl") ? { libc: ["musl"] } : {}),
    optional: true,
    os,
  };
  console.log(`added ${name} ${version}`);
}
const sorted = Object.fromEntries(
  Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, "en")),
);
writeFileSync(
  "package-lock.json",
  `${JSON.stringify({ ...lockfile, packages: sorted }, null, 2)}\n`,
);
