/**
 * What clients hold against what gateway, workers and chain say once everything has come to rest: no receipt lost,
 * nothing paid twice, nobody honest slashed.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
// biome-ignore lint/correctness/noUnresolvedImports: the linter does not know this module of Node 24 yet
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { paymentsBetween } from "@assay/chain";
import { addressOf, bytesToHex, equalBytes, hexToBytes } from "@assay/wire";
import type { RunningNetwork } from "./local-network.ts";
import type { Delivered } from "./traffic.ts";

const REST_TIMEOUT_MS = 180_000;

export interface Reckoning {
  readonly delivered: number;
  /** Answers that a client's own check turned down. */
  readonly notVerified: number;
  /** Receipts that a client holds and the gateway does not give out, byte for byte. */
  readonly lostByGateway: number;
  /** Receipts that a client holds and their worker has no paid job for. */
  readonly lostByWorker: number;
  /** Base units that came to workers beyond, or short of, the sum of their receipts' prices; 0 is what is owed. */
  readonly paidTooMuch: string;
  readonly paidTooLittle: string;
  /** Workers that lost stake, other than `cheater`. */
  readonly slashed: number;
  /** What had not come to rest in time, in words. */
  readonly open: readonly string[];
}

interface Job {
  readonly state: string;
  readonly receipt_hash: string | null;
  readonly price: string | null;
}

const OPEN_JOBS = ["accepted", "done", "granted", "posted", "published"];
const OPEN_ORDERS = ["placed", "started"];

function rows<T>(path: string, sql: string): readonly T[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare(sql).all() as unknown as readonly T[];
  } finally {
    database.close();
  }
}

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

const jobsOf = ({ home }: RunningNetwork, worker: string): readonly Job[] =>
  rows<Job>(join(home, worker, "worker.sqlite"), "SELECT state, receipt_hash, price FROM jobs");

/** What is still on its way. */
function openIn(network: RunningNetwork, cheater: string | undefined): readonly string[] {
  const open: string[] = [];
  for (const worker of workersOf(network)) {
    if (worker === cheater) continue;
    for (const state of OPEN_JOBS) {
      const count = jobsOf(network, worker).filter((job) => job.state === state).length;
      if (count > 0) open.push(`${worker}: ${count} jobs ${state}`);
    }
  }
  const orders = rows<{ state: string; worker: string }>(
    join(network.home, "gateway", "gateway.sqlite"),
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
  delivered: readonly Delivered[],
  cheater?: string,
): Promise<Reckoning> {
  const until = performance.now() + REST_TIMEOUT_MS;
  while (openIn(network, cheater).length > 0 && performance.now() < until) await sleep(500);
  const { chain } = network.connection;
  const gateway = addressIn(network, "gateway");
  const paidJobs = new Set<string>();
  let [tooMuch, tooLittle, slashed] = [0n, 0n, 0];
  for (const worker of workersOf(network)) {
    const address = addressIn(network, worker);
    const jobs = jobsOf(network, worker);
    for (const { state, receipt_hash: id } of jobs) {
      if (state === "paid" && id !== null) paidJobs.add(id);
    }
    if (worker === cheater) continue;
    const owed = jobs.reduce(
      (sum, { receipt_hash: id, price }) => sum + (id === null ? 0n : BigInt(price ?? "0")),
      0n,
    );
    const payments = await paymentsBetween(chain, { client: gateway, worker: address }, 0n);
    const moved = payments.reduce((sum, { amount }) => sum + amount, 0n);
    if (moved > owed) tooMuch += moved - owed;
    else tooLittle += owed - moved;
    if (!(await chain.isActive(address))) slashed += 1;
  }
  const lost = await Promise.all(delivered.map((answer) => isLost(network, answer)));
  return {
    delivered: delivered.length,
    notVerified: delivered.filter(({ verified }) => !verified).length,
    lostByGateway: lost.filter(Boolean).length,
    lostByWorker: delivered.filter(({ receiptId }) => !paidJobs.has(receiptId)).length,
    paidTooMuch: String(tooMuch),
    paidTooLittle: String(tooLittle),
    slashed,
    open: openIn(network, cheater),
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
