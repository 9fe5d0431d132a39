/**
 * `node contracts/scripts/build.ts`: compiles contracts/src with npm's solc and writes ABI and bytecode as
 * TypeScript for the chain package, so that nothing compiles at run time. Needs no forge.
 *
 * The settings and source names are forge's (contracts/foundry.toml): both must give the same bytecode,
 * and a forge test compares the SHA-256s that this writes to contracts/snapshots/bytecode.json.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const SOURCES = "contracts/src";
const BINDINGS = "packages/chain/src/generated/contracts.ts";
const BYTECODES = "packages/chain/src/generated/bytecodes.ts";
const DIGESTS = "contracts/snapshots/bytecode.json";

/** What a client deploys or talks to. */
const CONTRACTS = [
  "DevToken",
  "ModelRegistry",
  "Deployment",
  "Stake",
  "Escrow",
  "Settlement",
  "JuryCourt",
] as const;

/** What is deployed by a transaction of its own; Deployment creates the others. */
const DEPLOYED = ["DevToken", "ModelRegistry", "Deployment"] as const;

interface AbiEntry {
  readonly type: string;
  readonly name?: string;
  readonly inputs?: readonly { readonly type: string }[];
}

interface Compiled {
  readonly abi: readonly AbiEntry[];
  readonly evm: { readonly bytecode: { readonly object: string } };
}

interface SolcOutput {
  readonly errors?: readonly {
    readonly severity: string;
    readonly formattedMessage: string;
    readonly sourceLocation?: { readonly file: string };
  }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}

/** The value of one `key = …` line. @throws {Error} if there is none. */
function setting(toml: string, key: string): string {
  const value = new RegExp(`^${key} = (.+)$`, "m").exec(toml)?.[1];
  if (value === undefined) throw new Error(`contracts/foundry.toml has no "${key}"`);
  return value;
}

function readSettings() {
  const toml = readFileSync("contracts/foundry.toml", "utf8");
  const remappings = JSON.parse(setting(toml, "remappings")) as readonly string[];
  return {
    remappings,
    optimizer: {
      enabled: JSON.parse(setting(toml, "optimizer")) as boolean,
      runs: Number(setting(toml, "optimizer_runs")),
    },
    evmVersion: JSON.parse(setting(toml, "evm_version")) as string,
    viaIR: JSON.parse(setting(toml, "via_ir")) as boolean,
    metadata: { bytecodeHash: JSON.parse(setting(toml, "bytecode_hash")), appendCBOR: false },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  };
}

function resolveImport(from: string, imported: string, remappings: readonly string[]): string {
  if (imported.startsWith(".")) return path.posix.join(path.posix.dirname(from), imported);
  for (const remapping of remappings) {
    const [prefix = "", target = ""] = remapping.split("=");
    if (imported.startsWith(prefix)) return target + imported.slice(prefix.length);
  }
  throw new Error(`${from} imports "${imported}", which no remapping leads to`);
}

/** The files and all that they import, by the names that forge gives them. */
function collectSources(files: readonly string[], remappings: readonly string[]) {
  const sources: Record<string, { readonly content: string }> = {};
  const queue = [...files];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (Object.hasOwn(sources, file)) continue;
    const content = readFileSync(file, "utf8");
    sources[file] = { content };
    for (const [, imported = ""] of content.matchAll(/^import [^;]*?"([^"]+)";/gm)) {
      queue.push(resolveImport(file, imported, remappings));
    }
  }
  return sources;
}

function compile(): SolcOutput {
  const settings = readSettings();
  const files = readdirSync(SOURCES).filter((name) => name.endsWith(".sol"));
  const input = {
    language: "Solidity",
    sources: collectSources(
      files.map((name) => `${SOURCES}/${name}`),
      settings.remappings,
    ),
    settings,
  };
  const solc = spawnSync(process.execPath, ["scripts/solc.mjs", "--standard-json"], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (solc.status !== 0) throw new Error(`solc ended with ${solc.status}: ${solc.stderr}`);
  const output = JSON.parse(solc.stdout) as SolcOutput;
  // A warning about a package's own source is for its authors.
  const problems = (output.errors ?? []).filter(
    ({ severity, sourceLocation }) =>
      severity === "error" || sourceLocation?.file.startsWith("node_modules/") !== true,
  );
  if (problems.length > 0) {
    throw new Error(problems.map(({ formattedMessage }) => formattedMessage).join("\n"));
  }
  return output;
}

function pick(output: SolcOutput, name: string): Compiled {
  const compiled = output.contracts?.[`${SOURCES}/${name}.sol`]?.[name];
  if (compiled === undefined) throw new Error(`solc gave no contract ${name}`);
  return compiled;
}

function sha256(hex: string): string {
  return createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
}

/** One ABI entry a line; solc's `internalType` says nothing that a caller needs. */
function formatAbi(abi: readonly AbiEntry[]): string {
  const drop = (key: string, value: unknown) => (key === "internalType" ? undefined : value);
  return abi.map((entry) => `${JSON.stringify(entry, drop)},\n`).join("");
}

function formatContract(name: string, { abi }: Compiled): string {
  return `${name}: {
abi: [
${formatAbi(abi)}],
},
`;
}

/** Every custom error once: a call may revert with an error of a contract further down. */
function allErrors(compiled: readonly Compiled[]): readonly AbiEntry[] {
  const signature = ({ name, inputs = [] }: AbiEntry) =>
    `${name}(${inputs.map(({ type }) => type).join()})`;
  const errors = compiled.flatMap(({ abi }) => abi.filter(({ type }) => type === "error"));
  const unique = new Map(errors.map((error) => [signature(error), error]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, error]) => error);
}

const output = compile();
const compiled = CONTRACTS.map((name) => pick(output, name));
const bindings = `// Written by contracts/scripts/build.ts from contracts/src. Do not edit.

/** Interface of each contract. */
export const contracts = {
${CONTRACTS.map((name) => formatContract(name, pick(output, name))).join("")}} as const;

/** Every custom error of the contracts above: a call may revert with one of a contract further down. */
export const contractErrors = [
${formatAbi(allErrors(compiled))}] as const;
`;
/** A file of its own: who only reads a chain, in a page say, does not load it. */
const bytecodes = `// Written by contracts/scripts/build.ts from contracts/src. Do not edit.

/** Creation code of what is deployed; their SHA-256s are in contracts/snapshots/bytecode.json. */
export const bytecodes = {
${DEPLOYED.map((name) => `${name}: "0x${pick(output, name).evm.bytecode.object}",\n`).join("")}} as const;
`;
const digests = CONTRACTS.map((name) => [name, sha256(pick(output, name).evm.bytecode.object)]);

for (const [file, text] of [
  [BINDINGS, bindings],
  [BYTECODES, bytecodes],
  [DIGESTS, `${JSON.stringify(Object.fromEntries(digests), undefined, 2)}\n`],
] as const) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
