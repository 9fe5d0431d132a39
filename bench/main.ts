/** `npm run bench -- NAME… [--json | --markdown] [--quick]`: runs bench/suites/NAME.ts, or all of them. */

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Figure, meetsTarget, type Suite } from "./figure.ts";

const EXIT_USAGE = 2;
const folder = new URL("suites/", import.meta.url);

type Format = "text" | "json" | "markdown";

function print(bench: string, figure: Figure, format: Format): void {
  if (format === "json") console.log(JSON.stringify({ bench, ...figure }));
  else if (format === "markdown") console.log(markdownRow(figure));
  else console.log(textLine(bench, figure));
}

const SIGN = { lower: "≤", higher: "≥" } as const;

function textLine(bench: string, figure: Figure): string {
  const { name, value, unit, target, peer } = figure;
  const cells = [
    `${bench}/${name}`.padEnd(40),
    `${value.toPrecision(4)} ${unit}`.padStart(18),
    (target === null ? "" : `target ${SIGN[figure.better]} ${target}`).padStart(18),
    peer === undefined ? "" : `  ${peer.name} ${peer.value.toPrecision(4)}`,
    meetsTarget(figure) ? "" : "  FALLS SHORT",
  ];
  return cells.join("").trimEnd();
}

/** At most four digits that say something, and never an exponent. */
const digits = (value: number): string =>
  Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 4 });

function markdownRow(figure: Figure): string {
  const { name, value, unit, target, runs, min, max, peer } = figure;
  const goal = target === null ? "" : `${SIGN[figure.better]} ${digits(target)}`;
  const cells = [
    peer === undefined ? name : `${name} (${peer.name}: ${digits(peer.value)})`,
    `${digits(value)} ${unit}${meetsTarget(figure) ? "" : " – **falls short**"}`,
    goal,
    `${runs}`,
    min === max ? "" : `${digits(min)} – ${digits(max)}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function markdownHead(benches: readonly string[], quick: boolean): string {
  const commit = spawnSync("git", ["rev-parse", "--short=12", "HEAD"], { encoding: "utf8" });
  const processors = cpus();
  return [
    `# Measured: ${benches.join(", ")}`,
    "",
    `\`npm run bench -- ${benches.join(" ")}${quick ? " --quick" : ""}\` at commit ${commit.stdout.trim()}, ` +
      `${processors.length} cores (${processors[0]?.model.trim()}), Node ${process.versions.node}, ${process.platform}.`,
    "The value is the median of the runs.",
    "",
    "| figure | value | target | runs | range |",
    "|---|---|---|---|---|",
  ].join("\n");
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      markdown: { type: "boolean" },
      quick: { type: "boolean" },
    },
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
  const quick = values.quick === true;
  const benches = positionals.length > 0 ? positionals : known;
  const other: Format = values.markdown === true ? "markdown" : "text";
  const format: Format = values.json === true ? "json" : other;
  if (format === "markdown") console.log(markdownHead(benches, quick));
  for (const bench of benches) {
    const { suite } = (await import(new URL(`${bench}.ts`, folder).href)) as { suite: Suite };
    let figures = 0;
    for await (const figure of suite({ quick })) {
      figures++;
      print(bench, figure, format);
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
