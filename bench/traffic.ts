/** Clients that keep asking a network, and remember what they were given. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, SdkError } from "@assay/sdk";
import { bytesToHex, receiptHash } from "@assay/wire";

/** An answer with a receipt, as a client has it. */
export interface Delivered {
  readonly receiptId: string;
  readonly worker: string;
  readonly file: Uint8Array;
  /** Shown as it came; any other answer the gateway vouches for before the client sees it. */
  readonly live: boolean;
  /** The client's own verdict, and that the text it saw is the text that was signed. */
  readonly verified: boolean;
}

export interface Traffic {
  readonly delivered: readonly Delivered[];
  /** How often each error came, by its words with the numbers left out. */
  readonly errors: ReadonlyMap<string, number>;
  /** Stops asking, and waits for what is under way. */
  stop(): Promise<void>;
  /** Resolves when `limit` requests have ended. */
  readonly done: Promise<void>;
}

export interface TrafficOptions {
  readonly clients: number;
  /** Requests after which the clients stop by themselves. */
  readonly limit?: number;
  /** A client that had an error asks again after this. */
  readonly pauseMs?: number;
}

const REQUEST_TIMEOUT_MS = 60_000;

export function startTraffic(connection: Connection, options: TrafficOptions): Traffic {
  const { clients, limit = Number.POSITIVE_INFINITY, pauseMs = 50 } = options;
  const delivered: Delivered[] = [];
  const errors = new Map<string, number>();
  let [asked, stopped] = [0, false];

  async function client(): Promise<void> {
    while (!stopped && asked < limit) {
      const number = asked++;
      try {
        const answer = await askOne(connection, number);
        if (answer !== undefined) delivered.push(answer);
      } catch (error) {
        const name = nameOf(error);
        errors.set(name, (errors.get(name) ?? 0) + 1);
        await sleep(pauseMs);
      }
    }
  }

  const done = Promise.all(Array.from({ length: clients }, client)).then(() => undefined);
  return {
    delivered,
    errors,
    done,
    stop() {
      stopped = true;
      return done;
    },
  };
}

async function askOne(connection: Connection, number: number): Promise<Delivered | undefined> {
  const a = 10 + (number % 83);
  const b = 10 + ((number * 7) % 89);
  // Every third answer streams as it comes, every other one is verified by the gateway first.
  const live = number % 3 === 0;
  const answer = await connection.ask({
    model: "demo",
    messages: [{ role: "user", content: `What is ${a} + ${b}?` }],
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    ...(live ? { onText: () => undefined } : {}),
  });
  const { file, ok } = answer.verdict;
  return {
    receiptId: file === null ? "unreadable" : bytesToHex(receiptHash(file.receipt)),
    worker: file === null ? "unknown" : bytesToHex(file.order.worker),
    file: answer.receipt,
    live,
    verified: ok && answer.faithful,
  };
}

/** The error in words that many errors share. A connection that a kill has cut is one of the clean ones. */
function nameOf(error: unknown): string {
  if (error instanceof SdkError && error.detail.code !== "SDK_GATEWAY") return error.detail.code;
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/0x[0-9a-f]+|\d+/g, "N");
}
