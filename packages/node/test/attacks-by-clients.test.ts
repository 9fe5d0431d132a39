/** Attacks by name: a client's, against a real worker. */

import type { ChainClient } from "@assay/chain";
import {
  acceptanceHash,
  addressOf,
  type Message,
  orderHash,
  RPC_CODES,
  recoverTyped,
  signTyped,
} from "@assay/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Call } from "../src/mesh/link.ts";
import type { Peer } from "../src/mesh/peers.ts";
import { demoModel } from "./support/demo.ts";
import { eventually } from "./support/eventually.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { type Member, startMember } from "./support/players.ts";
import { makeOrder, PROMPT, random32 } from "./support/receipts.ts";
import { OUTPUT_PRICE, openStage, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let client: ChainClient;

beforeAll(async () => {
  chain = await startTestChain();
  client = await chain.party("client");
}, 60_000);
afterAll(() => chain.stop());

type Offer = Extract<Message, { type: "offer" }>;
type Start = Extract<Message, { type: "start" }>;

describe("a client that", () => {
  let stage: Stage;
  let workerAddresses: readonly string[];
  const SLOTS = 2;

  beforeAll(async () => {
    stage = openStage(chain);
    // Only to meet at.
    const hub = await stage.gateway("hub");
    const worker = await stage.worker("worker", hub, { slots: SLOTS });
    workerAddresses = worker.addresses;
  }, 60_000);
  afterAll(() => stage.stop());

  /** A client on the mesh, linked to the worker through an address of its own. */
  async function buyer(name: string, channel: bigint): Promise<{ member: Member; worker: Peer }> {
    const account = await chain.party(name);
    if (channel > 0n) await account.ensureChannel(addressNamed("worker"), channel);
    const member = await startMember({
      name,
      network: { ...chain.network, bootstrap: [...workerAddresses] },
    });
    const worker = await eventually("the worker", () => member.peers.withRole("worker")[0]);
    return { member, worker };
  }
  interface Signed {
    readonly message: Offer;
    readonly start: Start;
    readonly hash: Uint8Array;
    /** The most that it can cost. */
    readonly cost: bigint;
  }

  function sign(name: string, change: object = {}, prompt = PROMPT): Signed {
    const [clientNonce, inputSalt] = [random32(), random32()];
    const order = makeOrder({ client: name, prompt, order: change }, clientNonce, inputSalt);
    const hash = orderHash(order);
    return {
      message: {
        type: "offer",
        order,
        signature: signTyped(keyOf(name), client.domain, hash),
      },
      start: { type: "start", clientNonce, inputSalt, prompt },
      hash,
      cost:
        BigInt(order.promptTokens) * order.promptPrice +
        BigInt(order.maxTokens) * order.outputPrice,
    };
  }

  const next = (call: Call): Promise<Message | undefined> => call.next(AbortSignal.timeout(8_000));

  async function finish(call: Call, start: Start): Promise<Message | undefined> {
    call.send(start);
    for (;;) {
      const message = await next(call);
      if (message?.type !== "tokens") return message;
    }
  }

  test("keeps the rules gets its answer, so that what follows means something", async () => {
    const { worker } = await buyer("good client", 1_000_000n);
    const { message, start, hash } = sign("good client");
    const call = worker.link.call(message);
    const accepted = await next(call);
    if (accepted?.type !== "accept") throw new Error(JSON.stringify(accepted));
    const { workerNonce, signature } = accepted;
    expect(
      recoverTyped(client.domain, acceptanceHash({ orderHash: hash, workerNonce }), signature),
    ).toEqual(addressOf(keyOf("worker")));
    expect(await finish(call, start)).toMatchObject({ type: "done" });
  });

  test.each<[string, (start: Start) => Message, keyof typeof RPC_CODES]>([
    ["another prompt", (s) => ({ ...s, prompt: [...s.prompt.slice(1), 5] }), "opening"],
    ["a longer prompt", (s) => ({ ...s, prompt: [...s.prompt, 5] }), "opening"],
    ["another salt", (s) => ({ ...s, inputSalt: random32() }), "opening"],
    ["another nonce", (s) => ({ ...s, clientNonce: random32() }), "opening"],
    ["no START", () => ({ type: "ok" }), "protocol"],
    ["CANCEL", () => ({ type: "cancel" }), "cancelled"],
  ])(
    "sends %s after the acceptance gets no receipt, and never for this order",
    async (_what, change, code) => {
      const { worker } = await buyer("opener", 1_000_000n);
      const { message, start } = sign("opener");
      const call = worker.link.call(message);
      expect(await next(call)).toMatchObject({ type: "accept" });
      expect(await finish(call, change(start) as Start)).toMatchObject({
        type: "fail",
        code: RPC_CODES[code],
      });
      expect(await next(worker.link.call(message))).toMatchObject({
        type: "refuse",
        code: RPC_CODES.invalidOrder,
      });
    },
  );

  test("hides tokens in its prompt that do not exist gets no receipt", async () => {
    const { worker } = await buyer("hider", 1_000_000n);
    const { message, start } = sign("hider", {}, [demoModel().program.vocab, 1, 2]);
    const call = worker.link.call(message);
    expect(await next(call)).toMatchObject({ type: "accept" });
    expect(await finish(call, start)).toMatchObject({ type: "fail", code: RPC_CODES.internal });
  });

  test("sends the same order twice at once gets one acceptance", async () => {
    const { worker } = await buyer("doubler", 1_000_000n);
    const { message, start } = sign("doubler");
    const calls = [1, 2, 3].map(() => worker.link.call(message));
    const answers = await Promise.all(calls.map(next));
    expect(answers.map((answer) => answer?.type).toSorted()).toEqual([
      "accept",
      "refuse",
      "refuse",
    ]);
    const accepted = calls[answers.findIndex((answer) => answer?.type === "accept")];
    if (accepted === undefined) throw new Error("nothing was accepted");
    const done = await finish(accepted, start);
    expect(done).toMatchObject({ type: "done" });
    // Later, the same receipt again, and no other.
    expect(await next(worker.link.call(message))).toEqual(done);
  });

  test.each<[string, object, keyof typeof RPC_CODES]>([
    ["has an empty channel", {}, "channel"],
    ["offers too little", { outputPrice: OUTPUT_PRICE - 1n }, "price"],
    ["orders another program", { programRoot: new Uint8Array(32) }, "unknownProgram"],
    ["orders of another worker", { worker: new Uint8Array(20) }, "invalidOrder"],
    ["orders in the past", { deadline: 1n }, "deadline"],
    ["orders more than the context holds", { maxTokens: 100_000 }, "invalidOrder"],
    ["orders in another's name", { client: addressNamed("rich") }, "invalidOrder"],
  ])("%s is refused", async (_what, change, code) => {
    const { worker } = await buyer("pauper", 0n);
    const { message } = sign("pauper", change);
    expect(await next(worker.link.call(message))).toMatchObject({
      type: "refuse",
      code: RPC_CODES[code],
    });
  });

  test("orders more at once than its channel covers is refused the rest", async () => {
    const { cost } = sign("overcommitter");
    const { worker } = await buyer("overcommitter", cost + cost / 2n);
    const orders = [1, 2].map(() => sign("overcommitter"));
    const calls = orders.map(({ message }) => worker.link.call(message));
    const answers = await Promise.all(calls.map(next));
    expect(answers.map((answer) => answer?.type).toSorted()).toEqual(["accept", "refuse"]);
    expect(answers.find((answer) => answer?.type === "refuse")).toMatchObject({
      code: RPC_CODES.channel,
    });
    for (const call of calls) call.send({ type: "cancel" });
  });

  test("takes every slot leaves none, until it gives one back", async () => {
    const { worker } = await buyer("hoarder", 10_000_000n);
    const calls: Call[] = [];
    for (let i = 0; i < SLOTS; i++) {
      const call = worker.link.call(sign("hoarder").message);
      expect(await next(call)).toMatchObject({ type: "accept" });
      calls.push(call);
    }
    expect(await next(worker.link.call(sign("hoarder").message))).toMatchObject({
      type: "refuse",
      code: RPC_CODES.busy,
    });
    calls[0]?.send({ type: "cancel" });
    await eventually("a slot is free", async () => {
      const answer = await next(worker.link.call(sign("hoarder").message));
      return answer?.type === "accept";
    });
    calls[1]?.send({ type: "cancel" });
  });

  test("goes away takes its slots with it", async () => {
    const { member, worker } = await buyer("leaver", 10_000_000n);
    for (let i = 0; i < SLOTS; i++) {
      await eventually("a slot", async () => {
        const answer = await next(worker.link.call(sign("leaver").message));
        return answer?.type === "accept";
      });
    }
    await member.mesh.stop();
    const after = await buyer("follower", 10_000_000n);
    await eventually(
      "a slot is free",
      async () => {
        const answer = await next(after.worker.link.call(sign("follower").message));
        return answer?.type === "accept";
      },
      5_000,
    );
  });
});
