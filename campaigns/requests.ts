/**
 * `npm run campaign -- requests [REQUESTS]`: a network of three workers, of which the first cheats, answers so many requests (2,000) by
 * sixteen clients; the second is killed and started again halfway. Then clients, gateway, workers and chain are compared. Prints one JSON
 * object; docs/measurements/faults.md keeps the results. Ends with 1 if anything was lost, paid twice, or delivered as verified and was not.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@assay/chain/deployment";
import { makeFaulty } from "../bench/faults.ts";
import { withNetwork } from "../bench/local-network.ts";
import { problemsOf, reckon } from "../bench/reckoning.ts";
import { startTraffic } from "../bench/traffic.ts";

const CLIENTS = 16;
const CHEATER = "worker-1";
/** Sixteen clients and eight slots: some are told to come again. */
const LEAST_ANSWERED = 0.8;

const [count = "2000"] = process.argv.slice(2);
const requests = Number(count);
if (!Number.isInteger(requests) || requests < 1)
  throw new Error(`${count} is no number of requests`);

const options = { workers: 3, port: await freePort(), cheat: "weights" as const };
await withNetwork(options, async (network) => {
  const faulty = makeFaulty(network, Math.random);
  const started = performance.now();
  const traffic = startTraffic(network.connection, { clients: CLIENTS, limit: requests });
  let isOver = false;
  const over = traffic.done.finally(() => {
    isOver = true;
  });
  while (traffic.delivered.length < requests / 2 && !isOver) await sleep(20);
  await faulty.befall({ kind: "kill", role: "worker-2" });
  await over;
  const seconds = (performance.now() - started) / 1000;
  const reckoning = await reckon(network, traffic, CHEATER);
  console.log(
    JSON.stringify({
      campaign: "requests",
      requests,
      seconds: Math.round(seconds),
      ...reckoning,
      errors: Object.fromEntries(traffic.errors),
    }),
  );
  // What the cheater streams before anybody has checked it, the client turns down.
  const found = [...problemsOf({ ...reckoning, turnedDown: 0 })];
  if (traffic.delivered.length < LEAST_ANSWERED * requests) {
    found.push(`only ${traffic.delivered.length} of ${requests} requests were answered`);
  }
  for (const problem of found) console.error(`not so: ${problem}`);
  if (found.length > 0) process.exitCode = 1;
});
