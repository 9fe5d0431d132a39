import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..", "..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

type Entry = string | { package: string; only: string };

function written(entry: Entry): string {
  return typeof entry === "string" ? entry : `${entry.package} (only \`${entry.only}\`)`;
}

test("ARCHITECTURE.md says what layers.json says, in the same order", () => {
  const layers = JSON.parse(read("layers.json")) as Record<string, Entry[]>;
  const rows = [...read("ARCHITECTURE.md").matchAll(/^\| `([a-z]+)` \|.*\| ([^|]+) \|$/gm)];
  expect(rows.map(([, name, imports]) => [name, imports])).toEqual(
    Object.entries(layers).map(([name, entries]) => [name, entries.map(written).join(", ") || "–"]),
  );
});

test("README.md names every npm script", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const readme = read("README.md");
  for (const name of Object.keys(scripts)) {
    expect(readme).toMatch(new RegExp(`npm (run )?${name}\\b`));
  }
});
