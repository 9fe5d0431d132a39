/**
 * `npm test`: vitest over all packages, then forge over contracts/. Ends with one summary line.
 *
 * `npm test -- packages/wire` runs what matches in vitest only, `npm test -- contracts` forge only.
 * With CI set, a skipped test counts as failed: the tools it waits for must be there. Only tests
 * that read the reference data beside the repository may skip; they say so in their name.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ON_POSTGRES } from "../vitest.config.ts";
import { ensureChromium } from "./chromium.ts";
import { runForge } from "./forge.ts";
import { startPostgres } from "./postgres.ts";
import { readJson } from "./repository.ts";
import { addCounts, type Counts, summaryLine } from "./summary.ts";

/** In the name of a test, or of the `describe` around it, that may skip everywhere. */
const MAY_SKIP = "[needs ../shared]";

/** The tests that need a browser. */
const PAGE_TESTS = "packages/cli/test/page.test.ts";
/** The tests that run on PostgreSQL too, or alone. */
const STORE_TESTS = ["packages/node/test/postgres.test.ts", ...ON_POSTGRES];

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

type ForgeReport = Readonly<
  Record<
    string,
    {
      readonly test_results: Readonly<
        Record<string, { readonly status: string; readonly reason: string | null }>
      >;
    }
  >
>;

const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

function one(outcome: keyof Counts): Counts {
  return { ...NOTHING, [outcome]: 1 };
}

/** A skipped test, or a failed one where CI should have brought what it needs. */
function skipped(name: string): Counts {
  if (process.env["CI"] === undefined || process.env["CI"] === "" || name.includes(MAY_SKIP)) {
    console.log(`skipped: ${name}`);
    return one("skipped");
  }
  console.log(`FAILED, because nothing may skip in CI: ${name}`);
  return one("failed");
}

function countVitest({ testResults }: VitestReport): Counts {
  let counts = NOTHING;
  for (const file of testResults) {
    for (const { status, fullName } of file.assertionResults) {
      if (status === "passed" || status === "failed") counts = addCounts(counts, one(status));
      else counts = addCounts(counts, skipped(fullName));
    }
    const failedAlone = !file.assertionResults.some(({ status }) => status === "failed");
    if (file.status === "failed" && failedAlone) counts = addCounts(counts, one("failed"));
  }
  return counts;
}

/** Whether a file is among those that are asked for. */
const isWanted = (file: string, filters: readonly string[]): boolean =>
  filters.length === 0 || filters.some((filter) => file.includes(filter));

/** Runs with what the tests that are asked for need beside npm's packages. */
async function runWithTools(filters: readonly string[]): Promise<Counts> {
  const wantsStore = STORE_TESTS.some((file) => isWanted(file, filters));
  const chromium = isWanted(PAGE_TESTS, filters) ? ensureChromium() : undefined;
  const postgres = wantsStore ? await startPostgres() : undefined;
  try {
    return runVitest(filters, {
      ...(chromium === undefined ? {} : { CHROMIUM_PATH: chromium }),
      ...(postgres === undefined ? {} : { ASSAY_POSTGRES: postgres.url }),
    });
  } finally {
    await postgres?.stop();
  }
}

function runVitest(filters: readonly string[], tools: Readonly<Record<string, string>>): Counts {
  const folder = mkdtempSync(path.join(tmpdir(), "assay-test-"));
  const file = path.join(folder, "vitest.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const { status } = spawnSync(
      process.execPath,
      ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...filters],
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, ...tools },
      },
    );
    const counts = existsSync(file) ? countVitest(readJson<VitestReport>(file)) : NOTHING;
    // Also an error outside any test, and a run that found no test file at all.
    if (status !== 0 && counts.failed === 0) return addCounts(counts, one("failed"));
    return counts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function countForge(report: ForgeReport): Counts {
  let counts = NOTHING;
  for (const [suite, { test_results }] of Object.entries(report)) {
    for (const [test, { status, reason }] of Object.entries(test_results)) {
      const name = `${suite} ${test}`;
      if (status === "Skipped") {
        counts = addCounts(counts, skipped(name));
        continue;
      }
      if (status !== "Success") console.log(`FAILED: ${name}: ${reason ?? status}`);
      counts = addCounts(counts, one(status === "Success" ? "passed" : "failed"));
    }
  }
  return counts;
}

function runForgeTests(): Counts {
  const result = runForge(["test", "--json"], { capture: true });
  let report: ForgeReport;
  try {
    report = JSON.parse(result.stdout) as ForgeReport;
  } catch {
    console.log(`FAILED: forge gave no results\n${result.stdout}${result.error?.message ?? ""}`);
    return one("failed");
  }
  const counts = countForge(report);
  console.log(`forge: ${summaryLine(counts)}`);
  const silent = counts.failed === 0 && (result.status !== 0 || counts.passed === 0);
  return silent ? addCounts(counts, one("failed")) : counts;
}

const filters = process.argv.slice(2);
const hasContracts = existsSync("contracts/foundry.toml");
const onlyContracts =
  filters.length > 0 && filters.every((filter) => filter.startsWith("contracts"));
let total = onlyContracts ? NOTHING : await runWithTools(filters);
if (hasContracts && (filters.length === 0 || onlyContracts))
  total = addCounts(total, runForgeTests());
console.log(summaryLine(total));
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
