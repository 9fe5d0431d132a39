/** `npm run bench -- NAME… [--json] [--quick]`: runs bench/suites/NAME.ts, or all of them. */

import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Figure, meetsTarget, type Suite } from "./figure.ts";

const EXIT_USAGE = 2;
const folder = new URL("suites/", import.meta.url);

function print(bench: string, figure: Figure, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ bench, ...figure }));
    return;
  }
  const { name, value, unit, target, peer } = figure;
  const sign = figure.better === "lower" ? "≤" : "≥";
  const cells = [
    `${bench}/${name}`.padEnd(40),
    `${value.toPrecision(4)} ${unit}`.padStart(18),
    (target === null ? "" : `target ${sign} ${target}`).padStart(18),
    peer === undefined ? "" : `  ${peer.name} ${peer.value.toPrecision(4)}`,
    meetsTarget(figure) ? "" : "  FALLS SHORT",
  ];
  console.log(cells.join("").trimEnd());
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, quick: { type: "boolean" } },
  });
}

async function main(): Promise<number> {
  const known = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length))
    .toSorted();
  const { values, positionals } = readArguments();
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`unknown benchmark ${unknown.join(", ")}; there are: ${known.join(", ")}`);
    return EXIT_USAGE;
  }
  for (const bench of positionals.length > 0 ? positionals : known) {
    const { suite } = (await import(new URL(`${bench}.ts`, folder).href)) as { suite: Suite };
    let figures = 0;
    for await (const figure of suite({ quick: values.quick === true })) {
      figures++;
      print(bench, figure, values.json === true);
    }
    if (figures === 0) throw new Error(`bench/suites/${bench}.ts reported nothing`);
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof TypeError && "code" in error ? EXIT_USAGE : 1;
}
