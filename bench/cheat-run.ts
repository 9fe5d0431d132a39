/** One fresh network whose first worker cheats, and what the chain says about it afterwards. */

import type { Cheat } from "@assay/node";
import type { Answer, Connection } from "@assay/sdk";
import { bytesToHex, equalBytes } from "@assay/wire";
import { type RunningNetwork, withNetwork } from "./local-network.ts";

const WORKERS = 3;
/** Each question has one chance in three to go to the cheater first: 40 in vain are one run in ten million. */
const MAX_QUESTIONS = 40;
const COURT_TIMEOUT_MS = 30_000;
const PAY_TIMEOUT_MS = 30_000;

export interface CheatRun {
  /** What has to be true, in words, and whether it is. */
  readonly facts: Readonly<Record<string, boolean>>;
  /** Seconds from the question that met the cheater until its stake was gone; undefined where it was not in time. */
  readonly secondsToSlash: number | undefined;
}

export function runCheat(cheat: Cheat): Promise<CheatRun> {
  return withNetwork({ workers: WORKERS, cheat }, (network) => judgeCheater(network, cheat));
}

async function judgeCheater(
  { connection, cheater = new Uint8Array(20) }: RunningNetwork,
  cheat: Cheat,
): Promise<CheatRun> {
  const { chain } = connection;
  const fromBlock = await chain.blockNumber();
  const balance = await chain.tokenBalance(cheater);
  const wasActive = await chain.isActive(cheater);
  const court = followSlashes(connection, fromBlock);
  try {
    const { answers, askedAt } = await askUntilMet(connection, cheater);
    // Passing off what somebody else has signed leaves nothing that could be held against it on chain.
    const slashed = cheat === "replay" ? undefined : await court.slashOf(cheater);
    const honest = answers.findLast(({ verdict: { file } }) => !isBy(file, cheater));
    const client = answers[0]?.verdict.file?.order.client ?? cheater;
    const paid = honest === undefined ? 0n : await payOf(connection, honest, fromBlock);
    const { forfeited } = await chain.channelOf(client, cheater);
    return {
      secondsToSlash: slashed === undefined ? undefined : (slashed - askedAt) / 1000,
      facts: {
        "the cheater had a stake": wasActive,
        "every answer that was delivered is verified": answers.every(({ verdict }) => verdict.ok),
        "an honest worker has its pay": honest === undefined || paid > 0n,
        "the cheater got nothing": (await chain.tokenBalance(cheater)) === balance,
        "nobody else was slashed": court.others(cheater) === 0,
        ...(cheat === "replay"
          ? {}
          : {
              "the cheater's stake is gone": (await chain.slashableOf(cheater)) === 0n,
              "it can never be paid from that channel": forfeited,
            }),
      },
    };
  } finally {
    await court.stop();
  }
}

const isBy = (file: Answer["verdict"]["file"], worker: Uint8Array): boolean =>
  file !== null && equalBytes(file.order.worker, worker);

async function payOf(connection: Connection, answer: Answer, fromBlock: bigint): Promise<bigint> {
  const signal = AbortSignal.timeout(PAY_TIMEOUT_MS);
  return (await connection.paid(answer, { fromBlock, signal })).amount;
}

/** Follows who is slashed. */
function followSlashes(connection: Connection, fromBlock: bigint) {
  const watching = new AbortController();
  const slashes: { readonly party: Uint8Array; readonly at: number }[] = [];
  const news = new EventTarget();
  const following = connection.watchCourt({
    fromBlock,
    signal: watching.signal,
    onEvent: (event) => {
      if (event.kind !== "slashed") return;
      slashes.push({ party: event.party, at: performance.now() });
      news.dispatchEvent(new Event("slashed"));
    },
  });
  const slashOf = (party: Uint8Array) => slashes.find((slash) => equalBytes(slash.party, party));
  return {
    others: (than: Uint8Array) => slashes.filter(({ party }) => !equalBytes(party, than)).length,
    /** When it was slashed; undefined where that takes too long. */
    slashOf: (party: Uint8Array): Promise<number | undefined> =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), COURT_TIMEOUT_MS);
        const look = (): void => {
          const slash = slashOf(party);
          if (slash === undefined) return;
          clearTimeout(timer);
          resolve(slash.at);
        };
        news.addEventListener("slashed", look);
        look();
      }),
    async stop() {
      watching.abort();
      await following;
    },
  };
}

/** Asks until the cheater was asked: its answer was turned down, or (with two receipts) delivered. */
async function askUntilMet(
  connection: Connection,
  cheater: Uint8Array,
): Promise<{ readonly answers: readonly Answer[]; readonly askedAt: number }> {
  const name = `0x${bytesToHex(cheater)}`;
  const answers: Answer[] = [];
  while (answers.length < MAX_QUESTIONS) {
    const askedAt = performance.now();
    const content = `What is ${10 + answers.length} + ${11 + answers.length}?`;
    const answer = await connection.ask({ model: "demo", messages: [{ role: "user", content }] });
    answers.push(answer);
    const isTurnedDown = answer.rejected.some(({ worker }) => worker === name);
    if (isTurnedDown || isBy(answer.verdict.file, cheater)) return { answers, askedAt };
  }
  throw new Error(`the cheater was not asked in ${MAX_QUESTIONS} questions`);
}
