/** Fails unless every version is exact and the lockfile holds integrity and no download address. */

import {
  EXACT_VERSION,
  type Lockfile,
  type Manifest,
  missingPlatformPackages,
  packageNames,
  readJson,
  report,
} from "./repository.ts";

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
    const wanted = name.startsWith("@assay/") ? version === "*" : EXACT_VERSION.test(version);
    if (!wanted) problems.push(`${file}: ${name} is "${version}", not one exact version`);
  }
}
const lockfile = readJson<Lockfile>("package-lock.json");
const locked = Object.entries(lockfile.packages).filter(([path]) =>
  path.startsWith("node_modules/"),
);
for (const [path, entry] of locked) {
  if (entry.link) continue;
  if (entry.resolved !== undefined) problems.push(`package-lock.json: ${path} holds an address`);
  // What npm run lock wrote down for other platforms has none.
  if (entry.integrity === undefined && !(entry.optional && entry.os)) {
    problems.push(`package-lock.json: ${path} has no integrity`);
  }
}
for (const { name, version } of missingPlatformPackages(lockfile)) {
  problems.push(`package-lock.json: ${name} ${version} is missing; run "npm run lock"`);
}
if (versions === 0 || locked.length === 0) {
  problems.push("no versions found: this check would pass vacuously");
}
report(problems, `${versions} declared versions, ${locked.length} locked packages`);
