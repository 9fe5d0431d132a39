/** One fresh network whose first worker serves cheaper weights, and what the chain says about it afterwards. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Answer, Connection, CourtEvent } from "@assay/sdk";
import { addressOf, bytesToHex, equalBytes, hexToBytes } from "@assay/wire";
import { type RunningNetwork, withNetwork } from "./local-network.ts";

const WORKERS = 3;
/** Each question has one chance in three to go to the cheater first: 40 in vain are one run in ten million. */
const MAX_QUESTIONS = 40;
const COURT_TIMEOUT_MS = 20_000;
const PAY_TIMEOUT_MS = 30_000;

type Challenge = Extract<CourtEvent, { kind: "challenged" }>;

export interface CheatRun {
  /** What has to be true, in words, and whether it is. */
  readonly facts: Readonly<Record<string, boolean>>;
  /** Seconds from the question that met the cheater until its stake was gone; undefined where it was not in time. */
  readonly secondsToSlash: number | undefined;
}

export function runCheat(): Promise<CheatRun> {
  return withNetwork({ workers: WORKERS, cheat: "weights" }, judgeCheater);
}

async function judgeCheater({ home, connection }: RunningNetwork): Promise<CheatRun> {
  const { chain } = connection;
  // What `loadOrCreateKey` writes.
  const key = readFileSync(join(home, "worker-1", "key"), "utf8").trim();
  const cheater = addressOf(hexToBytes(key));
  const fromBlock = await chain.blockNumber();
  const balance = await chain.tokenBalance(cheater);
  const wasActive = await chain.isActive(cheater);
  const court = followCheater(connection, cheater, fromBlock);
  try {
    const { answer, askedAt } = await askUntilCaught(connection, cheater);
    const slashed = await court.slashed;
    const signal = AbortSignal.timeout(PAY_TIMEOUT_MS);
    const payment = await connection.paid(answer, { fromBlock, signal });
    const honest = answer.verdict.file?.order.worker ?? cheater;
    return {
      secondsToSlash: slashed === undefined ? undefined : (slashed.at - askedAt) / 1000,
      facts: {
        "the cheater had a stake": wasActive,
        "the client got a verified answer": answer.verdict.ok,
        "another worker gave it": !equalBytes(honest, cheater),
        "that worker has its pay": payment.amount > 0n,
        "the cheater got nothing": (await chain.tokenBalance(cheater)) === balance,
        "the cheater's stake is zero": (await chain.stakeOf(cheater)) === 0n,
        "the cheater is no longer active": !(await chain.isActive(cheater)),
        ...(await factsOfCase(connection, slashed?.challenge)),
      },
    };
  } finally {
    await court.stop();
  }
}

async function factsOfCase(
  { chain }: Connection,
  challenge: Challenge | undefined,
): Promise<CheatRun["facts"]> {
  if (challenge === undefined) return { "the cheater was challenged and slashed": false };
  return {
    "the cheater's order is void": (await chain.orderState(challenge.orderHash)) === "void",
  };
}

/** Follows the court until the cheater is slashed; `slashed` is undefined where that takes too long. */
function followCheater(connection: Connection, cheater: Uint8Array, fromBlock: bigint) {
  const watching = new AbortController();
  const outcome = Promise.withResolvers<
    { readonly challenge: Challenge; readonly at: number } | undefined
  >();
  const timer = setTimeout(() => outcome.resolve(undefined), COURT_TIMEOUT_MS);
  let challenge: Challenge | undefined;
  const following = connection.watchCourt({
    fromBlock,
    signal: watching.signal,
    onEvent: (event) => {
      if (event.kind === "challenged" && equalBytes(event.worker, cheater)) challenge ??= event;
      if (event.kind === "slashed" && equalBytes(event.party, cheater) && challenge !== undefined) {
        outcome.resolve({ challenge, at: performance.now() });
      }
    },
  });
  return {
    slashed: outcome.promise,
    async stop() {
      clearTimeout(timer);
      watching.abort();
      await following;
    },
  };
}

/** Asks until the gateway says that it turned the cheater's receipt down and asked another worker. */
async function askUntilCaught(
  connection: Connection,
  cheater: Uint8Array,
): Promise<{ readonly answer: Answer; readonly askedAt: number }> {
  const name = `0x${bytesToHex(cheater)}`;
  for (let i = 0; i < MAX_QUESTIONS; i++) {
    const askedAt = performance.now();
    const content = `What is ${10 + i} + ${11 + i}?`;
    const answer = await connection.ask({ model: "demo", messages: [{ role: "user", content }] });
    if (answer.rejected.some(({ worker }) => worker === name)) return { answer, askedAt };
  }
  throw new Error(`the cheater's receipt was not turned down in ${MAX_QUESTIONS} questions`);
}
