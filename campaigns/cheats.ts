/**
 * `npm run campaign -- cheats [RUNS] [CHEAT …]`: each cheat so many times (100), each in a network of its own from nothing. Prints one JSON
 * object a cheat; docs/measurements/cheats.md keeps the results. Ends with 1 if a cheater was not caught or an honest worker was slashed.
 */

import { CHEATS, isCheat } from "@assay/node";
import { type CheatRun, runCheat } from "../bench/cheat-run.ts";

const [count = "100", ...names] = process.argv.slice(2);
const runs = Number(count);
if (!Number.isInteger(runs) || runs < 1) throw new Error(`${count} is no number of runs`);
const cheats = names.length === 0 ? CHEATS : names.filter(isCheat);
if (cheats.length < Math.min(1, names.length)) {
  throw new Error(`there are the cheats ${CHEATS.join(", ")}`);
}

async function brokenFacts(run: () => Promise<CheatRun>, seconds: number[]): Promise<string[]> {
  try {
    const { facts, secondsToSlash } = await run();
    if (secondsToSlash !== undefined) seconds.push(secondsToSlash);
    return Object.keys(facts).filter((fact) => facts[fact] !== true);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

for (const cheat of cheats) {
  const seconds: number[] = [];
  let caught = 0;
  for (let run = 1; run <= runs; run++) {
    const broken = await brokenFacts(() => runCheat(cheat), seconds);
    if (broken.length === 0) caught += 1;
    else console.error(`${cheat}, run ${run} of ${runs}, not so: ${broken.join("; ")}`);
  }
  seconds.sort((a, b) => a - b);
  const median = seconds[Math.floor(seconds.length / 2)];
  const slashed = { runs: seconds.length, medianSeconds: median, mostSeconds: seconds.at(-1) };
  console.log(JSON.stringify({ campaign: "cheats", cheat, runs, caught, slashed }));
  if (caught < runs) process.exitCode = 1;
}
