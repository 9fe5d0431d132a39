import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type PlantedCopy, plantedCopy } from "./planted-copy.ts";

const TOOLS = path.join(import.meta.dirname, "../../packages/explorer/node_modules");
/** Joined here so that the text gate does not find them in this file. */
const MACHINE_PATH = ["", "work", "main"].join("/");
const PACKAGE_HOST = ["https://registry", "example.org"].join(".");

let copy: PlantedCopy;
beforeEach(() => {
  copy = plantedCopy();
});
afterEach(() => {
  copy[Symbol.dispose]();
});

/** Adds the package `kernels`, which wire may not use. */
function addKernels(): void {
  copy.write(
    "packages/kernels/package.json",
    JSON.stringify({ name: "@assay/kernels", exports: { ".": "./src/index.ts" } }),
  );
  copy.write("packages/kernels/src/index.ts", "export const one = 1;\n");
  copy.write("packages/kernels/tsconfig.json", JSON.stringify({}));
  copy.write("layers.json", JSON.stringify({ wire: [], kernels: [] }));
  for (const file of ["tsconfig.json", "tsconfig.tools.json"]) {
    copy.edit(file, (text) =>
      text.replace('"references": [', '"references": [{ "path": "packages/kernels" },'),
    );
  }
}

/** Adds the package `explorer` with one component, and the tools that are installed for ours. */
function addExplorer(component: string): void {
  copy.write(
    "packages/explorer/package.json",
    JSON.stringify({ name: "@assay/explorer", devDependencies: { svelte: "5.57.3" } }),
  );
  copy.write(
    "packages/explorer/tsconfig.json",
    JSON.stringify({ extends: "../../tsconfig.base.json", include: ["src/**/*.svelte"] }),
  );
  copy.write("packages/explorer/src/Planted.svelte", component);
  copy.run(["ln", "-s", TOOLS, "packages/explorer/node_modules"]);
}

const GENERATE = {
  name: "numbers",
  command: ["node", "-e", "require('fs').writeFileSync('vectors/numbers.json', '[1]')"],
  paths: ["vectors"],
};

/** What each plant does, and what the gate must say about it. */
const PLANTED: Readonly<Record<string, readonly (readonly [string, RegExp, () => void])[]>> = {
  types: [
    [
      "a type error in a source",
      /TS2322/,
      () => copy.write("packages/wire/src/planted.ts", 'export const n: number = "one";\n'),
    ],
    [
      "a type error in a test",
      /TS2322/,
      () => copy.write("packages/wire/test/planted.ts", 'export const n: number = "one";\n'),
    ],
    [
      "an enum",
      /TS1294/,
      () => copy.write("packages/wire/src/planted.ts", "export enum Tide { Low }\n"),
    ],
  ],
  svelte: [
    [
      "a type error in a component",
      /not assignable to type 'number'/,
      () => addExplorer('<script lang="ts">\n  const n: number = "one";\n</script>\n<p>{n}</p>\n'),
    ],
    [
      "an image without a text",
      /a11y_missing_attribute/,
      () => addExplorer('<img src="a.png" />\n'),
    ],
  ],
  lint: [
    [
      "any",
      /noExplicitAny/,
      () => copy.write("packages/wire/src/planted.ts", "export const n: any = 1;\n"),
    ],
    [
      "a non-null assertion",
      /noNonNullAssertion/,
      () => copy.write("packages/wire/src/planted.ts", 'export const n: string = "a".at(0)!;\n'),
    ],
    [
      "the console in a package",
      /noConsole/,
      () => copy.write("packages/wire/src/planted.ts", 'console.log("x");\n'),
    ],
    [
      "a default export",
      /noDefaultExport/,
      () => copy.write("packages/wire/src/planted.ts", "export default 1;\n"),
    ],
    [
      "a floating promise",
      /noFloatingPromises/,
      () =>
        copy.write(
          "packages/wire/src/planted.ts",
          "async function later(): Promise<void> {}\nlater();\n",
        ),
    ],
    [
      "a function of 80 lines",
      /noExcessiveLinesPerFunction/,
      () =>
        copy.write(
          "packages/wire/src/planted.ts",
          `export function long(a: number[]): void {\n${"  a.push(1);\n".repeat(80)}}\n`,
        ),
    ],
    [
      "other formatting",
      /Formatter would have printed/,
      () => copy.write("packages/wire/src/planted.ts", "export const n    = 1\n"),
    ],
  ],
  boundaries: [
    [
      "a package without a row",
      /kernels has no row/,
      () => {
        addKernels();
        copy.write("layers.json", '{ "wire": [] }');
      },
    ],
    [
      "a row without a package",
      /names sdk, which does not exist/,
      () => copy.write("layers.json", '{ "wire": [], "sdk": [] }'),
    ],
    [
      "a forbidden dependency",
      /wire may not depend on kernels/,
      () => {
        addKernels();
        copy.edit("packages/wire/package.json", (text) =>
          text.replace('"dependencies": {', '"dependencies": { "@assay/kernels": "*",'),
        );
      },
    ],
    [
      "an undeclared import",
      /does not declare/,
      () => {
        addKernels();
        copy.write("packages/wire/src/planted.ts", 'export { one } from "@assay/kernels";\n');
      },
    ],
    [
      "an undeclared import of an entry point",
      /does not declare/,
      () => {
        addKernels();
        copy.write("packages/wire/src/planted.ts", 'await import("@assay/kernels/deep");\n');
      },
    ],
    [
      "a relative import into another package",
      /leaves packages\/wire\/src/,
      () => {
        addKernels();
        copy.write(
          "packages/wire/src/planted.ts",
          'export { one } from "../../kernels/src/index.ts";\n',
        );
      },
    ],
    [
      "an undeclared import in a test",
      /does not declare/,
      () => {
        addKernels();
        copy.write("packages/wire/test/planted.ts", 'import "@assay/kernels";\n');
      },
    ],
    [
      "an import from the wrong part of the sources",
      /does not let it import "@assay\/kernels"/,
      () => {
        addKernels();
        copy.write(
          "layers.json",
          '{ "kernels": [], "wire": [{ "package": "kernels", "only": "src/quantiser" }] }',
        );
        copy.edit("packages/wire/package.json", (text) =>
          text.replace('"dependencies": {', '"dependencies": { "@assay/kernels": "*",'),
        );
        copy.edit("packages/wire/tsconfig.json", (text) =>
          text.replace("{", '{ "references": [{ "path": "../kernels" }],'),
        );
        copy.write("packages/wire/src/quantiser/allowed.ts", 'import "@assay/kernels";\n');
        copy.write("packages/wire/src/planted.ts", 'import "@assay/kernels";\n');
      },
    ],
    [
      "a package without sources",
      /wire\/src holds no source/,
      () => copy.remove("packages/wire/src"),
    ],
    [
      "no packages at all",
      /pass vacuously/,
      () => {
        copy.remove("packages");
        copy.write("packages/.keep/package.json", "{}");
        copy.remove("packages/.keep");
        copy.write("layers.json", "{}");
      },
    ],
  ],
  sizes: [
    [
      "a file of 701 lines",
      /has 701 lines/,
      () => copy.write("packages/wire/src/planted.ts", "\n".repeat(701)),
    ],
  ],
  text: [
    [
      "a machine's path",
      /planted\.md:2: .* absolute path/,
      () => copy.write("docs/planted.md", `see\n${MACHINE_PATH}\n`),
    ],
    [
      "a package host",
      /package registry's host/,
      () => copy.write("docs/planted.md", PACKAGE_HOST),
    ],
  ],
  pins: [
    [
      "a version range",
      /not one exact version/,
      () => copy.edit("packages/wire/package.json", (text) => text.replace('"2.4.0"', '"^2.4.0"')),
    ],
    [
      "a download address in the lockfile",
      /holds an address/,
      () =>
        copy.edit("package-lock.json", (text) =>
          text.replace(/("integrity": )/, '"resolved": "https://example.org/a.tgz",\n$1'),
        ),
    ],
    [
      "a lockfile without another platform's package",
      /cli-darwin-arm64 .* is missing/,
      () =>
        copy.edit("package-lock.json", (text) =>
          text.replace('"node_modules/@biomejs/cli-darwin-arm64"', '"node_modules/planted"'),
        ),
    ],
  ],
  unused: [
    [
      "a source that nothing imports",
      /planted\.ts/,
      () => copy.write("packages/wire/src/planted.ts", "export const n = 1;\n"),
    ],
    [
      "an export that nothing imports",
      /nobody/,
      () =>
        copy.edit("packages/wire/src/digest.ts", (text) => `${text}\nexport const nobody = 1;\n`),
    ],
  ],
  generated: [
    [
      "a stale file",
      /numbers\.json was stale/,
      () => {
        copy.write("vectors/numbers.json", "[0]");
        copy.run(["git", "add", "vectors"]);
        copy.write("scripts/generated.json", JSON.stringify({ rows: [GENERATE] }));
      },
    ],
    [
      "a file that is not committed",
      /git tracks nothing/,
      () => {
        copy.write("vectors/numbers.json", "[1]");
        copy.write("scripts/generated.json", JSON.stringify({ rows: [GENERATE] }));
      },
    ],
    [
      "a command that fails",
      /ended with 3/,
      () =>
        copy.write(
          "scripts/generated.json",
          JSON.stringify({ rows: [{ ...GENERATE, command: ["node", "-e", "process.exit(3)"] }] }),
        ),
    ],
    ["a list without rows", /generate\.ts/, () => copy.write("scripts/generated.json", "{}")],
  ],
};

test("every check passes before anything is planted", () => {
  const { status, output } = copy.check();
  expect(output).toMatch(/^9 passed, 0 failed$/m);
  expect(status).toBe(0);
});

test("every check has a plant", () => {
  const { output } = copy.check("no-such-check");
  for (const name of Object.keys(PLANTED)) expect(output).toContain(name);
  expect(output.match(/there are: (.*)/)?.[1]?.split(", ")).toEqual(Object.keys(PLANTED));
});

describe.each(Object.entries(PLANTED))("the check %s fails on", (name, plants) => {
  test.each(plants)("%s", (_what, says, plant) => {
    plant();
    const { status, output } = copy.check(name);
    expect(output).toMatch(says);
    expect(output).toMatch(/^0 passed, 1 failed$/m);
    expect(status).toBe(1);
  });
});
