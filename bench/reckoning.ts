/**
 * What clients hold against what gateway, workers and chain say once everything has come to rest: no receipt lost,
 * nothing paid twice, nobody honest slashed.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { paymentsBetween } from "@assay/chain";
import { addressOf, bytesToHex, equalBytes, hexToBytes } from "@assay/wire";
import type { RunningNetwork } from "./local-network.ts";
import type { Delivered, Traffic } from "./traffic.ts";

const REST_TIMEOUT_MS = 180_000;

export interface Reckoning {
  readonly delivered: number;
  /** Answers that the gateway had vouched for, and the client's own check turned down. */
  readonly vouchedForFalsely: number;
  /** Answers that were shown as they came, and the client's own check turned down: a cheater's. */
  readonly turnedDown: number;
  /** Receipts that a client holds and the gateway does not give out, byte for byte. */
  readonly lostByGateway: number;
  /** Receipts that a client holds and their worker has no paid job for. */
  readonly lostByWorker: number;
  /** Base units that came to workers beyond, or short of, the sum of their receipts' prices; 0 is what is owed. */
  readonly paidTooMuch: string;
  readonly paidTooLittle: string;
  /** Workers that lost stake, other than `cheater`. */
  readonly slashed: number;
  /** Answers that ended without a receipt and without a word, and failures that the gateway had no word for. */
  readonly wordless: number;
  /** What had not come to rest in time, in words. */
  readonly open: readonly string[];
}

interface Job {
  readonly state: string;
  readonly receipt_hash: string | null;
  readonly price: string | null;
}

const OPEN_JOBS = ["accepted", "done", "granted", "posted", "published"];
/** `the gateway failed; its log says why`, and what is not ours at all. */
const WORDLESS = /SDK_NO_RECEIPT|its log says why|is not valid JSON|too large/;
const OPEN_ORDERS = ["placed", "started"];

const workersOf = (network: RunningNetwork): readonly string[] =>
  network
    .roles()
    .map(({ name }) => name)
    .filter((name) => name.startsWith("worker"));

const addressIn = ({ home }: RunningNetwork, name: string): Uint8Array =>
  addressOf(
    hexToBytes(
      readFileSync(join(home, name, "key"), "utf8")
        .trim()
        .replace(/^0x/, ""),
    ),
  );

const jobsOf = (network: RunningNetwork, worker: string): Promise<readonly Job[]> =>
  network.query<Job>(worker, "SELECT state, receipt_hash, price FROM jobs");

/** What is still on its way. */
async function openIn(
  network: RunningNetwork,
  cheater: string | undefined,
): Promise<readonly string[]> {
  const open: string[] = [];
  for (const worker of workersOf(network)) {
    if (worker === cheater) continue;
    const jobs = await jobsOf(network, worker);
    for (const state of OPEN_JOBS) {
      const count = jobs.filter((job) => job.state === state).length;
      if (count > 0) open.push(`${worker}: ${count} jobs ${state}`);
    }
  }
  const orders = await network.query<{ readonly state: string; readonly worker: string }>(
    "gateway",
    "SELECT state, worker FROM orders",
  );
  const banned = cheater === undefined ? "" : bytesToHex(addressIn(network, cheater));
  for (const state of OPEN_ORDERS) {
    const count = orders.filter((row) => row.state === state && row.worker !== banned).length;
    if (count > 0) open.push(`gateway: ${count} orders ${state}`);
  }
  return open;
}

/** Waits until nothing is on its way, then compares. Every role serves, and nobody asks any more. */
export async function reckon(
  network: RunningNetwork,
  { delivered, errors }: Pick<Traffic, "delivered" | "errors">,
  cheater?: string,
): Promise<Reckoning> {
  const until = performance.now() + REST_TIMEOUT_MS;
  while ((await openIn(network, cheater)).length > 0 && performance.now() < until) await sleep(500);
  const cheat = cheater === undefined ? undefined : bytesToHex(addressIn(network, cheater));
  const honest = workersOf(network).filter((worker) => worker !== cheater);
  const accounts = await Promise.all(honest.map((worker) => accountOf(network, worker)));
  const paidJobs = new Set(accounts.flatMap(({ paid }) => paid));
  const surplus = accounts.map(({ moved, owed }) => moved - owed);
  const lost = await Promise.all(delivered.map((answer) => isLost(network, answer)));
  return {
    delivered: delivered.length,
    vouchedForFalsely: delivered.filter(({ verified, live }) => !verified && !live).length,
    turnedDown: delivered.filter(({ verified, live }) => !verified && live).length,
    lostByGateway: lost.filter(Boolean).length,
    lostByWorker: delivered.filter(
      ({ receiptId, worker }) => worker !== cheat && !paidJobs.has(receiptId),
    ).length,
    paidTooMuch: String(sumOf(surplus.filter((amount) => amount > 0n))),
    paidTooLittle: String(-sumOf(surplus.filter((amount) => amount < 0n))),
    slashed: accounts.filter(({ isActive }) => !isActive).length,
    wordless: [...errors].reduce(
      (sum, [name, count]) => sum + (WORDLESS.test(name) ? count : 0),
      0,
    ),
    open: await openIn(network, cheater),
  };
}

const sumOf = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((sum, amount) => sum + amount, 0n);

/** What a worker's database says it has earned, and what the chain says it was given. */
async function accountOf(network: RunningNetwork, worker: string) {
  const { chain } = network.connection;
  const parties = { client: addressIn(network, "gateway"), worker: addressIn(network, worker) };
  const jobs = (await jobsOf(network, worker)).filter(({ receipt_hash: id }) => id !== null);
  const payments = await paymentsBetween(chain, parties, 0n);
  return {
    paid: jobs.flatMap(({ state, receipt_hash: id }) =>
      state === "paid" && id !== null ? [id] : [],
    ),
    owed: sumOf(jobs.map(({ price }) => BigInt(price ?? "0"))),
    moved: sumOf(payments.map(({ amount }) => amount)),
    isActive: await chain.isActive(parties.worker),
  };
}

async function isLost({ gatewayUrl }: RunningNetwork, answer: Delivered): Promise<boolean> {
  const response = await fetch(`${gatewayUrl}/v1/receipts/0x${answer.receiptId}`);
  if (!response.ok) return true;
  return !equalBytes(new Uint8Array(await response.arrayBuffer()), answer.file);
}

/** What a reckoning must not show, in words; nothing where all is well. */
export function problemsOf(reckoning: Reckoning): readonly string[] {
  const { delivered, open, ...counts } = reckoning;
  const wrong = Object.entries(counts).filter(([, value]) => value !== 0 && value !== "0");
  return [
    ...(delivered === 0 ? ["no answer was delivered: nothing was tested"] : []),
    ...wrong.map(([name, value]) => `${name}: ${value}`),
    ...open,
  ];
}
