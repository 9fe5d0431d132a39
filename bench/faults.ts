/** Faults that befall a network while it works: kills, pauses, a chain that goes away and comes back. */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DevelopmentChain, startDevelopmentChain } from "@assay/chain/deployment";
import type { RunningNetwork } from "./local-network.ts";

/** `kill`: SIGKILL, then a start from what it left. `pause`: silent for a while, as behind a partition. `restart`: of the chain, in order. */
type FaultKind = "kill" | "pause" | "restart";

export interface Fault {
  readonly kind: FaultKind;
  readonly role: string;
}

/** How often each comes, of all. */
const WEIGHTS: readonly (readonly [weight: number, kind: FaultKind, role: RegExp])[] = [
  [50, "kill", /^worker/],
  [35, "kill", /^gateway$/],
  [5, "kill", /^verifier$/],
  [7, "pause", /^(worker|gateway)/],
  [3, "restart", /^chain$/],
];
const READY_TIMEOUT_MS = 60_000;
const LONGEST_DOWN_MS = 500;
const LONGEST_PAUSE_MS = 6_000;
const LONGEST_OUTAGE_MS = 3_000;

export type RandomNumber = () => number;

/** Repeatable from its seed; what a fault meets is not, since the machine's own timing decides. */
export function randomNumbers(seed: number): RandomNumber {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function chooseFault(network: RunningNetwork, random: RandomNumber): Fault {
  const sum = WEIGHTS.reduce((total, [weight]) => total + weight, 0);
  let at = random() * sum;
  for (const [weight, kind, pattern] of WEIGHTS) {
    at -= weight;
    if (at >= 0) continue;
    const names = [...network.roles().map(({ name }) => name), "chain"];
    const fitting = names.filter((name) => pattern.test(name));
    const role = fitting[Math.floor(random() * fitting.length)];
    if (role !== undefined) return { kind, role };
  }
  throw new RangeError("the weights leave out a fault");
}

export interface Faulty {
  /** Carries the fault out; resolves when the role serves again. */
  befall(fault: Fault): Promise<void>;
  /** Stops what was started in place of what the network knows of. */
  stop(): Promise<void>;
}

export function makeFaulty(network: RunningNetwork, random: RandomNumber): Faulty {
  let chain: DevelopmentChain = network.chain;
  const pidOf = (role: string): number => {
    const found = network.roles().find(({ name }) => name === role);
    if (found === undefined) throw new RangeError(`no role is named ${role}`);
    return found.pid;
  };
  return {
    async befall({ kind, role }) {
      if (kind === "pause") {
        const pid = pidOf(role);
        process.kill(pid, "SIGSTOP");
        await sleep(random() * LONGEST_PAUSE_MS);
        process.kill(pid, "SIGCONT");
      } else if (kind === "restart") {
        await chain.stop();
        await sleep(random() * LONGEST_OUTAGE_MS);
        const directory = join(network.home, "chain");
        chain = await startDevelopmentChain({ directory, port: Number(new URL(chain.url).port) });
      } else {
        await kill(network, role, pidOf(role));
        await sleep(random() * LONGEST_DOWN_MS);
        await startAgain(network, role);
      }
    },
    stop: () => chain.stop(),
  };
}

async function kill(network: RunningNetwork, role: string, pid: number): Promise<void> {
  const ended = network.roles().find(({ name }) => name === role)?.ended;
  process.kill(pid, "SIGKILL");
  await ended;
}

/** As a service manager does: again, until it serves. */
async function startAgain(network: RunningNetwork, role: string): Promise<void> {
  const until = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const started = network.restart(role);
    const problem = await started.ready.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (problem === undefined) return;
    if (performance.now() > until) throw problem;
    // One that was silent for too long still runs.
    await started.stop();
    await sleep(200);
  }
}
