/** The campaign of faults, cut short: enough that a change which loses something does not wait for the campaign. */

import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@assay/chain/deployment";
import { expect, test } from "vitest";
import { type Fault, makeFaulty, randomNumbers } from "../faults.ts";
import { withNetwork } from "../local-network.ts";
import { problemsOf, reckon } from "../reckoning.ts";
import { startTraffic } from "../traffic.ts";

const FAULTS: readonly Fault[] = [
  { kind: "kill", role: "worker-1" },
  { kind: "kill", role: "gateway" },
  { kind: "pause", role: "worker-2" },
  { kind: "restart", role: "chain" },
  { kind: "kill", role: "verifier" },
  { kind: "kill", role: "gateway" },
  { kind: "kill", role: "worker-2" },
];

test("killed, paused, cut off from its chain: no receipt is lost, none is paid twice", async () => {
  const random = randomNumbers(Date.now());
  const reckoning = await withNetwork({ workers: 2, port: await freePort() }, async (network) => {
    const faulty = makeFaulty(network, random);
    try {
      const traffic = startTraffic(network.connection, { clients: 2 });
      for (const fault of FAULTS) {
        await sleep(1_000 * random());
        await faulty.befall(fault);
      }
      await sleep(2_000);
      await traffic.stop();
      return await reckon(network, traffic);
    } finally {
      await faulty.stop();
    }
  });
  expect(problemsOf(reckoning)).toEqual([]);
}, 240_000);
