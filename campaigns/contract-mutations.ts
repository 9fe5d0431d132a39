/**
 * `npm run campaign -- contract-mutations`: every rule of the settlement contracts taken away, one at a time,
 * must fail a test.
 *
 * All mutants are compiled once, each behind a switch that reads the environment variable MUTANT, in copies below
 * contracts/cache. Then forge runs the tests once for each number. Prints what only the invariants notice and what no test
 * does, then the sum as JSON; docs/measurements/contract-mutations.md keeps the results. Ends with 1 if a mutant survived
 * that is not known to be equivalent.
 */

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { instrument, type Mutant, SWITCH } from "../contracts/scripts/mutants.ts";
import { runForge } from "../scripts/forge.ts";

/** Mutants that do the same as the contracts, and why. */
const EQUIVALENT: readonly {
  readonly file: string;
  readonly change: string;
  readonly why: string;
}[] = [];

const FILES = ["AssayTypes.sol", "Escrow.sol", "Settlement.sol"];
const COPY = "contracts/cache/mutants";
/** Figures and digests of the code, which any change of it moves, are not tests of its rules. */
const UNIT = ["--no-match-contract", "^(Gas|DeploymentTest|InvariantsTest)$"];
const WALKS = ["--match-contract", "^InvariantsTest$"];

function writeMutants(): readonly Mutant[] {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  for (const folder of ["src", "test"]) {
    cpSync(`contracts/${folder}`, `${COPY}/${folder}`, { recursive: true });
  }
  writeFileSync(`${COPY}/src/Mutant.sol`, SWITCH);
  const mutants: Mutant[] = [];
  for (const file of FILES) {
    const source = readFileSync(`contracts/src/${file}`, "utf8");
    const made = instrument(source, file, mutants.length + 1);
    writeFileSync(`${COPY}/src/${file}`, made.source);
    mutants.push(...made.mutants);
  }
  return mutants;
}

/** Whether forge passes with this mutant, of the tests that `args` choose. */
function passes(number: number, args: readonly string[]): boolean {
  Object.assign(process.env, { MUTANT: String(number) });
  return runForge(["test", "--fail-fast", ...args], { capture: true }).status === 0;
}

const mutants = writeMutants();
// The switches cost stack and code that the real contracts do not have.
Object.assign(process.env, {
  FOUNDRY_SRC: `${COPY}/src`,
  FOUNDRY_TEST: `${COPY}/test`,
  FOUNDRY_OUT: `${COPY}/out`,
  FOUNDRY_CACHE_PATH: `${COPY}/cache`,
  FOUNDRY_CODE_SIZE_LIMIT: "1000000",
});
if (!passes(0, UNIT) || !passes(0, WALKS)) {
  throw new Error("the tests fail without any mutant: see `npm test -- contracts`");
}
const results = mutants.map((mutant, index) => {
  const { file, change } = mutant;
  if (!passes(index + 1, UNIT)) return "noticed by unit tests";
  const equal = EQUIVALENT.some((known) => known.file === file && known.change === change);
  const outcome = equal
    ? "equivalent"
    : passes(index + 1, WALKS)
      ? "survived"
      : "noticed by the invariants only";
  console.log(`${file}:${mutant.line} ${change}: ${outcome}`);
  return outcome;
});
const counts = Object.fromEntries(
  [...new Set(results)].map((outcome) => [
    outcome,
    results.filter((one) => one === outcome).length,
  ]),
);
console.log(JSON.stringify({ campaign: "contract-mutations", mutants: mutants.length, ...counts }));
process.exitCode = results.includes("survived") ? 1 : 0;
