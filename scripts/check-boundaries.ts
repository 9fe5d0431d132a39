/**
 * Fails unless every package depends on, references and imports only what layers.json lets it.
 *
 * A row names packages (`"wire"`), single entry points (`"zk/verify"`), or a package that only one
 * part of the sources may import (`{ "package": "kernels", "only": "src/quantiser" }`).
 * Tests may also import what their package declares in devDependencies, and the root's tools.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { filesBelow, type Manifest, packageNames, readJson, report } from "./repository.ts";

type LayerEntry = string | { readonly package: string; readonly only: string };
type Layers = Readonly<Record<string, readonly LayerEntry[]>>;

const SCOPE = "@assay/";
const SOURCES = [".ts", ".mts", ".js", ".mjs", ".svelte"];
/** What looks like a module's name, after a word that imports; `"from", "to"` in data does not. */
const SPECIFIER =
  /(?<!["'\w])(?:from|import|require|import\.meta\.resolve)\s*\(?\s*["']([@\w.#][^"'\s]*)["']/g;

const layers = readJson<Layers>("layers.json");
const rootManifest = readJson<Manifest>("package.json");
const rootTools = new Set(Object.keys(rootManifest.devDependencies ?? {}));
const problems: string[] = [];
let importsSeen = 0;

/** `@assay/zk/verify` → `{ name: "@assay/zk", short: "zk", target: "zk/verify" }` */
function parseSpecifier(specifier: string) {
  const parts = specifier.split("/");
  const name = parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  return { name, short: name.slice(SCOPE.length), target: specifier.slice(SCOPE.length) };
}

function packageOf(entry: LayerEntry): string {
  return typeof entry === "string" ? (entry.split("/")[0] ?? entry) : entry.package;
}

/** Whether `entry` lets `file` (below its package) import `target`, such as `zk` or `zk/verify`. */
function allows(entry: LayerEntry, target: string, file: string): boolean {
  if (typeof entry === "string") return target === entry || target.startsWith(`${entry}/`);
  if (target.split("/")[0] !== entry.package) return false;
  return file.startsWith(`${entry.only}/`) || file === `${entry.only}.ts`;
}

/** The specifiers that a source imports, leaving out those in comment lines. */
function specifiersOf(file: string): readonly string[] {
  const code = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line))
    .join("\n");
  return [...code.matchAll(SPECIFIER)].flatMap(([, specifier]) => specifier ?? []);
}

/** Where a relative import of `file` may lead: its own part, the whole package from tests and bin. */
function homeOf(dir: string, inPackage: string): string {
  return inPackage.startsWith("src/") ? `packages/${dir}/src/` : `packages/${dir}/`;
}

/** What is wrong with `specifier` in `file` of the package `dir`; undefined where nothing is. */
function problemWith(dir: string, manifest: Manifest, file: string, specifier: string) {
  const inPackage = path.relative(`packages/${dir}`, file);
  const isTest = inPackage.startsWith("test/");
  if (specifier.startsWith(".")) {
    const home = homeOf(dir, inPackage);
    const inside = path.join(path.dirname(file), specifier).startsWith(home);
    return inside ? undefined : `the relative import "${specifier}" leaves ${home}`;
  }
  if (specifier.startsWith("node:")) return undefined;
  const { name, short, target } = parseSpecifier(specifier);
  if (isTest && isTestTool(manifest, name)) return undefined;
  if (!isDeclared(manifest, name)) {
    return `imports "${specifier}", which its package.json does not declare`;
  }
  if (!name.startsWith(SCOPE)) return undefined;
  const allowed = (layers[dir] ?? []).some((entry) =>
    isTest ? packageOf(entry) === short : allows(entry, target, inPackage),
  );
  return allowed ? undefined : `layers.json does not let it import "${specifier}"`;
}

/** A package without exports is only bundled: what its build takes in, nobody installs with it. */
function isDeclared(manifest: Manifest, name: string): boolean {
  const isBundled = manifest.exports === undefined && manifest.bin === undefined;
  return (
    name in (manifest.dependencies ?? {}) || (isBundled && name in (manifest.devDependencies ?? {}))
  );
}

/** What tests may import beyond the sources: declared devDependencies, the root's, the package by name. */
function isTestTool(manifest: Manifest, name: string): boolean {
  return name in (manifest.devDependencies ?? {}) || rootTools.has(name) || name === manifest.name;
}

function sameNames(found: readonly string[], wanted: readonly string[]): boolean {
  return found.toSorted().join() === wanted.toSorted().join();
}

function referencesOf(tsconfig: string): readonly string[] {
  const { references = [] } = readJson<{ references?: { path: string }[] }>(tsconfig);
  return references.map((reference) => path.basename(reference.path));
}

function checkManifest(dir: string, manifest: Manifest): void {
  const row = layers[dir];
  if (row === undefined) problems.push(`packages/${dir} has no row in layers.json`);
  if (manifest.name !== `${SCOPE}${dir}`) {
    problems.push(`packages/${dir} is named ${manifest.name}, not ${SCOPE}${dir}`);
  }
  const ours = Object.keys(manifest.dependencies ?? {})
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => name.slice(SCOPE.length));
  for (const name of ours) {
    if (!row?.some((entry) => packageOf(entry) === name)) {
      problems.push(`packages/${dir} may not depend on ${name}: layers.json does not name it`);
    }
  }
  const references = referencesOf(`packages/${dir}/tsconfig.json`);
  if (!sameNames(references, ours)) {
    problems.push(
      `packages/${dir}: tsconfig references [${references}] differ from dependencies [${ours}]`,
    );
  }
}

function checkImports(dir: string, manifest: Manifest): void {
  if (filesBelow(`packages/${dir}/src`, SOURCES).length === 0) {
    problems.push(`packages/${dir}/src holds no source`);
  }
  const files = ["src", "bin", "test"].flatMap((part) =>
    filesBelow(`packages/${dir}/${part}`, SOURCES),
  );
  for (const file of files) {
    for (const specifier of specifiersOf(file)) {
      importsSeen++;
      const problem = problemWith(dir, manifest, file, specifier);
      if (problem !== undefined) problems.push(`${file}: ${problem}`);
    }
  }
}

const names = packageNames();
for (const entry of readdirSync("packages")) {
  if (!existsSync(`packages/${entry}/package.json`))
    problems.push(`packages/${entry} has no package.json`);
}
for (const dir of names) {
  const manifest = readJson<Manifest>(`packages/${dir}/package.json`);
  checkManifest(dir, manifest);
  checkImports(dir, manifest);
}
for (const name of Object.keys(layers)) {
  if (!names.includes(name)) problems.push(`layers.json names ${name}, which does not exist`);
}
for (const tsconfig of ["tsconfig.json", "tsconfig.tools.json"]) {
  const references = referencesOf(tsconfig).filter((name) => name !== "tsconfig.tools.json");
  if (!sameNames(references, names)) {
    problems.push(`${tsconfig} references [${references}], but packages/ holds [${names}]`);
  }
}
if (names.length === 0 || importsSeen === 0) {
  problems.push("no packages or no imports found: this check would pass vacuously");
}
report(problems, `${names.length} packages, ${importsSeen} imports`);
