/** One task on the worker's side, with its caller and channel made up. */

import {
  deliveryHash,
  type Message,
  type Order,
  orderHash,
  RPC_CODES,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import { afterEach, expect, test, vi } from "vitest";
import { createExclusive } from "../src/exclusive.ts";
import type { Call } from "../src/mesh/link.ts";
import { HONEST } from "../src/worker/cheats.ts";
import { createJobs } from "../src/worker/jobs.ts";
import { serveTask, type TaskContext } from "../src/worker/task.ts";
import { openTestDatabase } from "./support/database.ts";
import { demoModel } from "./support/demo.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { makeOrder, PROMPT, random32 } from "./support/receipts.ts";

const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };

afterEach(() => vi.restoreAllMocks());

async function worker(change: Partial<TaskContext> = {}) {
  const database = await openTestDatabase();
  let free = 1;
  const looks: Uint8Array[] = [];
  const context: TaskContext = {
    privateKey: keyOf("worker"),
    address: addressNamed("worker"),
    domain,
    jobs: createJobs(database),
    models: new Map([[Buffer.from(demoModel().root).toString("hex"), demoModel()]]),
    promptPrice: 1n,
    outputPrice: 1n,
    slots: {
      free: () => free,
      take: () => {
        free -= 1;
      },
      release: () => {
        free += 1;
      },
    },
    exclusive: createExclusive(),
    channelOf: async (client) => {
      looks.push(client);
      return { balance: 10n ** 9n, settledBelow: 0n };
    },
    conduct: HONEST,
    onReceipt: () => undefined,
    publishSecond: () => undefined,
    log: quietLog,
    signal: new AbortController().signal,
    ...change,
  };
  return { context, looks, free: () => free };
}

function task(change: Partial<Order> = {}) {
  const [clientNonce, inputSalt] = [random32(), random32()];
  const order = { ...makeOrder({ order: change }, clientNonce, inputSalt) };
  const start: Message = { type: "start", clientNonce, inputSalt, prompt: PROMPT };
  expect(order.inputCommitment).toEqual(tokenCommitment(inputSalt, PROMPT));
  return { order, signature: signTyped(keyOf("client"), domain, orderHash(order)), start };
}

function deliveredBy(
  client: string,
  order: Order,
  outputSalt: Uint8Array,
  output: readonly number[],
): Message {
  const hash = deliveryHash({
    orderHash: orderHash(order),
    outputTokens: output.length,
    outputCommitment: tokenCommitment(outputSalt, output),
  });
  const signature = signTyped(keyOf(client), domain, hash);
  return { type: "delivered", outputTokens: output.length, signature };
}

/** Serves the offer to a caller that says `messages` after it, and acknowledges tokens; what the worker says. */
async function serve(
  context: TaskContext,
  offer: { readonly order: Order; readonly signature: Uint8Array },
  ...messages: readonly Message[]
): Promise<readonly Message[]> {
  const said: Message[] = [];
  const queue = [...messages];
  const output: number[] = [];
  let outputSalt = new Uint8Array(32);
  let waiting: ((message: Message) => void) | undefined;
  const call: Call = {
    id: 2,
    send: (message) => {
      said.push(message);
      if (message.type === "accept") outputSalt = new Uint8Array(message.outputSalt);
      if (message.type !== "tokens") return;
      output.push(...message.tokens);
      if (message.acknowledge) waiting?.(deliveredBy("client", offer.order, outputSalt, output));
    },
    next: (signal) => {
      const next = queue.shift();
      if (next !== undefined) return Promise.resolve(next);
      return new Promise((resolve, reject) => {
        waiting = resolve;
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    },
    close: () => undefined,
  };
  await serveTask(context, call, offer);
  return said;
}

const types = (said: readonly Message[]) => said.map(({ type }) => type);

test("an order is served, and offered again its receipt comes again, to its payer only", async () => {
  const { context, free } = await worker();
  const { start, ...offer } = task();
  const said = await serve(context, offer, start);
  expect(said[0]?.type).toBe("accept");
  expect(said.at(-1)?.type).toBe("done");
  expect(free()).toBe(1);
  expect(await serve(context, offer)).toEqual([said.at(-1)]);
  const thief = { ...offer, signature: signTyped(keyOf("thief"), domain, orderHash(offer.order)) };
  expect(await serve(context, thief)).toMatchObject([
    { type: "refuse", code: RPC_CODES.invalidOrder },
  ]);
});

test("what an order says is refused without asking the chain or waiting for others", async () => {
  const { context, looks } = await worker({ exclusive: () => new Promise(() => undefined) });
  const { signature, order } = task({ promptPrice: 0n });
  expect(await serve(context, { order, signature })).toMatchObject([
    { type: "refuse", code: RPC_CODES.price },
  ]);
  expect(looks).toEqual([]);
});

test("one slot is not promised to two orders", async () => {
  const { context, free } = await worker();
  const [a, b] = [task(), task()];
  const said = await Promise.all([serve(context, a, a.start), serve(context, b, b.start)]);
  expect(said.map(([first]) => first?.type).sort()).toEqual(["accept", "refuse"]);
  expect(free()).toBe(1);
});

test("an offer twice at once is accepted once", async () => {
  const { context } = await worker({ slots: { free: () => 9, take: () => {}, release: () => {} } });
  const { start, ...offer } = task();
  const said = await Promise.all([serve(context, offer, start), serve(context, offer, start)]);
  expect(said.map(([first]) => first?.type).sort()).toEqual(["accept", "refuse"]);
});

test("no receipt is signed after the deadline", async () => {
  const { context } = await worker();
  const { start, ...offer } = task();
  const late = (Number(offer.order.deadline) + 1) * 1_000;
  const channelOf = async () => {
    vi.spyOn(Date, "now").mockReturnValue(late);
    return { balance: 10n ** 9n, settledBelow: 0n };
  };
  const said = await serve({ ...context, channelOf }, offer, start);
  expect(said.at(-1)).toMatchObject({ type: "fail", code: RPC_CODES.timeout });
  expect(types(said)).not.toContain("done");
  expect(await serve(context, offer)).toMatchObject([{ type: "refuse" }]);
});
