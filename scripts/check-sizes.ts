/** Lists the sources that are long enough to ask whether they hold two things, and fails on giants. */

import { readFileSync } from "node:fs";
import { filesBelow, report } from "./repository.ts";

/** Worth a look above this many lines; mathematics may need more. */
const WORTH_A_LOOK = 400;
const TOO_LONG = 700;

const FOLDERS = ["packages", "scripts", "bench", "campaigns", "examples", "contracts"];
const SOURCES = [".ts", ".mjs", ".svelte", ".sol"];

const files = FOLDERS.flatMap((folder) => filesBelow(folder, SOURCES)).filter(
  (file) => !file.includes("/generated/"),
);
const problems = files.length === 0 ? ["no sources found: this check would pass vacuously"] : [];
for (const file of files) {
  const lines = readFileSync(file, "utf8").split("\n").length - 1;
  if (lines > TOO_LONG) problems.push(`${file} has ${lines} lines, more than ${TOO_LONG}`);
  else if (lines > WORTH_A_LOOK) console.log(`worth a look: ${file} has ${lines} lines`);
}
report(problems, `${files.length} sources`);
