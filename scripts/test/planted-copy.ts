/** A small copy of this repository (its tools, and one package as small as can be) to plant a violation in. */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(import.meta.dirname, "..", "..");
const COPIED = [
  ".gitignore",
  "biome.json",
  "knip.json",
  "package-lock.json",
  "tsconfig.base.json",
  "tsconfig.json",
  "tsconfig.tools.json",
  "vitest.config.ts",
  ...[
    "apt.ts",
    "check-boundaries.ts",
    "check-pins.ts",
    "check-sizes.ts",
    "check-svelte.ts",
    "check-text.ts",
    "check.ts",
    "chromium.ts",
    "forge.ts",
    "generate.ts",
    "postgres.ts",
    "repository.ts",
    "solc.mjs",
    "summary.ts",
    "test.ts",
  ].map((script) => `scripts/${script}`),
];

/** Only what the copy itself uses, so that it does not change with our dependencies. */
const ROOT_MANIFEST = `{
  "private": true,
  "type": "module",
  "workspaces": [
    "packages/*"
  ],
  "devDependencies": {
    "pg": "8.23.1",
    "solc": "0.8.37",
    "vitest": "5.1.1"
  }
}
`;

/** The one package of the copy: a source, its test, and a dependency from npm. */
const PACKAGE: Readonly<Record<string, string>> = {
  "package.json": `{
  "name": "@assay/wire",
  "type": "module",
  "exports": {
    ".": "./src/index.ts"
  },
  "dependencies": {
    "@noble/hashes": "2.4.0"
  }
}
`,
  "tsconfig.json": `{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": "src", "outDir": "dist" },
  "include": ["src/**/*.ts"]
}
`,
  "src/index.ts": `// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { digest } from "./digest.ts";
`,
  "src/digest.ts": `import { sha256 } from "@noble/hashes/sha2.js";

export function digest(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}
`,
  "test/digest.test.ts": `import { expect, test } from "vitest";
import { digest } from "../src/index.ts";

test("a digest has 32 bytes", () => {
  expect(digest(new Uint8Array(1))).toHaveLength(32);
});
`,
};

export interface PlantedCopy extends Disposable {
  write(file: string, text: string): void;
  edit(file: string, change: (text: string) => string): void;
  remove(file: string): void;
  /** Runs `command` in the copy and returns its exit status and everything that it printed. */
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Outcome;
  /** Runs one check of `npm run check`, or all where none is named. */
  check(...names: readonly string[]): Outcome;
}

interface Outcome {
  readonly status: number | null;
  readonly output: string;
  /** The last line on standard output. */
  readonly lastLine: string | undefined;
}

function outcome({ status, stdout, stderr }: SpawnSyncReturns<string>): Outcome {
  return { status, output: stdout + stderr, lastLine: stdout.trimEnd().split("\n").at(-1) };
}

/** Links every installed package into the copy, and the copy's own packages in place of ours. */
function linkPackages(folder: string): void {
  mkdirSync(path.join(folder, "node_modules", "@assay"), { recursive: true });
  for (const name of readdirSync(path.join(root, "node_modules"))) {
    if (name === "@assay" || name.startsWith(".vite")) continue;
    symlinkSync(path.join(root, "node_modules", name), path.join(folder, "node_modules", name));
  }
  symlinkSync("../../packages/wire", path.join(folder, "node_modules", "@assay", "wire"));
}

/** Makes the copy; the caller disposes of it (`using`). Every gate passes in it as it is made. */
export function plantedCopy(): PlantedCopy {
  const folder = mkdtempSync(path.join(tmpdir(), "assay-gates-"));
  const at = (file: string) => path.join(folder, file);
  for (const entry of COPIED) cpSync(path.join(root, entry), at(entry));
  linkPackages(folder);
  const copy: PlantedCopy = {
    write(file, text) {
      mkdirSync(path.dirname(at(file)), { recursive: true });
      writeFileSync(at(file), text);
    },
    edit(file, change) {
      const before = readFileSync(at(file), "utf8");
      const after = change(before);
      if (after === before) throw new Error(`the edit of ${file} changed nothing`);
      writeFileSync(at(file), after);
    },
    remove(file) {
      rmSync(at(file), { recursive: true });
    },
    run([program = "", ...args], env = {}) {
      const { CI: _, ...inherited } = process.env;
      return outcome(
        spawnSync(program, args, { cwd: folder, encoding: "utf8", env: { ...inherited, ...env } }),
      );
    },
    check(...names) {
      return copy.run([process.execPath, "scripts/check.ts", ...names]);
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const [tsconfig, references] of [
    ["tsconfig.json", '{ "path": "packages/wire" }, { "path": "tsconfig.tools.json" }'],
    ["tsconfig.tools.json", '{ "path": "packages/wire" }'],
  ] as const) {
    copy.edit(tsconfig, (text) =>
      text.replace(/"references": \[[^\]]*\]/, `"references": [${references}]`),
    );
  }
  for (const [file, text] of Object.entries(PACKAGE)) copy.write(`packages/wire/${file}`, text);
  copy.write("package.json", ROOT_MANIFEST);
  copy.write("layers.json", '{ "wire": [] }\n');
  copy.write("scripts/generated.json", '{ "rows": [] }\n');
  copy.run(["git", "init", "-q"]);
  return copy;
}
