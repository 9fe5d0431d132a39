/** Fails unless every version is exact and the lockfile holds integrity and no download address. */

import { type Manifest, packageNames, readJson, report } from "./repository.ts";

interface Lockfile {
  readonly packages: Readonly<
    Record<
      string,
      { readonly link?: boolean; readonly resolved?: string; readonly integrity?: string }
    >
  >;
}

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

const problems: string[] = [];
const manifests = [
  "package.json",
  ...packageNames().map((name) => `packages/${name}/package.json`),
];
let versions = 0;
for (const file of manifests) {
  const { dependencies, devDependencies, optionalDependencies } = readJson<Manifest>(file);
  const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
  for (const [name, version] of Object.entries(all)) {
    versions++;
    const wanted = name.startsWith("@assay/") ? version === "*" : EXACT.test(version);
    if (!wanted) problems.push(`${file}: ${name} is "${version}", not one exact version`);
  }
}
const locked = Object.entries(readJson<Lockfile>("package-lock.json").packages).filter(([path]) =>
  path.startsWith("node_modules/"),
);
for (const [path, entry] of locked) {
  if (entry.link) continue;
  if (entry.resolved !== undefined) problems.push(`package-lock.json: ${path} holds an address`);
  if (entry.integrity === undefined) problems.push(`package-lock.json: ${path} has no integrity`);
}
if (versions === 0 || locked.length === 0) {
  problems.push("no versions found: this check would pass vacuously");
}
report(problems, `${versions} declared versions, ${locked.length} locked packages`);
