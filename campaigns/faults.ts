/**
 * `npm run campaign -- faults [FAULTS] [SEED] [postgres]`: a network that answers four clients while its roles are killed, paused and its chain
 * is restarted at random moments, so many times (300). Then everything comes to rest, and clients, gateway, workers and chain are
 * compared. Prints one JSON object; docs/measurements/faults.md keeps the results. Ends with 1 if anything was lost or paid twice.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@assay/chain/deployment";
import { chooseFault, makeFaulty, randomNumbers } from "../bench/faults.ts";
import { withNetwork } from "../bench/local-network.ts";
import { problemsOf, reckon } from "../bench/reckoning.ts";
import { startTraffic } from "../bench/traffic.ts";
import { databasesFor, startPostgres } from "../scripts/postgres.ts";

const LONGEST_BETWEEN_MS = 2_000;
const CLIENTS = 4;
const WORKERS = 3;

const [count = "300", seedText = "1", kind = "files"] = process.argv.slice(2);
const [faults, seed] = [Number(count), Number(seedText)];
if (!Number.isInteger(faults) || faults < 1) throw new Error(`${count} is no number of faults`);
if (!Number.isInteger(seed)) throw new Error(`${seedText} is no seed`);
if (!["files", "postgres"].includes(kind)) throw new Error(`${kind} is no kind of database`);

const byName = ([a]: readonly [string, number], [b]: readonly [string, number]): number =>
  a < b ? -1 : 1;
const random = randomNumbers(seed);
const counts = new Map<string, number>();
const server = kind === "postgres" ? await startPostgres() : undefined;
if (kind === "postgres" && server === undefined) throw new Error("there is no PostgreSQL here");
const databaseOf = server === undefined ? undefined : await databasesFor(server, WORKERS);
const options = {
  workers: WORKERS,
  port: await freePort(),
  ...(databaseOf === undefined ? {} : { databaseOf }),
};
const run = withNetwork(options, async (network) => {
  const faulty = makeFaulty(network, random);
  try {
    const traffic = startTraffic(network.connection, { clients: CLIENTS });
    for (let i = 0; i < faults; i++) {
      await sleep(random() * LONGEST_BETWEEN_MS);
      const fault = chooseFault(network, random);
      await faulty.befall(fault);
      const name = `${fault.kind} ${fault.role}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      console.error(`${i + 1} of ${faults}: ${name}; ${traffic.delivered.length} answers so far`);
    }
    await sleep(LONGEST_BETWEEN_MS);
    await traffic.stop();
    const reckoning = await reckon(network, traffic);
    const problems = problemsOf(reckoning);
    console.log(
      JSON.stringify({
        campaign: "faults",
        seed,
        databases: kind,
        faults: Object.fromEntries([...counts].toSorted(byName)),
        ...reckoning,
        errors: Object.fromEntries([...traffic.errors].toSorted(byName)),
      }),
    );
    for (const problem of problems) console.error(`not so: ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    await faulty.stop();
  }
});
await run.finally(() => server?.stop());
