/** Attacks by name: a client's, against a real worker. */

import type { ChainClient } from "@assay/chain";
import {
  acceptanceHash,
  addressOf,
  deliveryHash,
  equalBytes,
  MAX_UNDELIVERED,
  type Message,
  orderHash,
  RPC_CODES,
  recoverTyped,
  signTyped,
  tokenCommitment,
  voucherHash,
} from "@assay/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Call } from "../src/mesh/link.ts";
import type { Peer } from "../src/mesh/peers.ts";
import { demoModel, demoPrompt } from "./support/demo.ts";
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
  const names = new Set<string>();
  interface Signed {
    readonly message: Offer;
    readonly start: Start;
    readonly hash: Uint8Array;
    /** The most that it can cost. */
    readonly cost: bigint;
  }

  function sign(name: string, change: object = {}, prompt = PROMPT): Signed {
    names.add(name);
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

  const next = (call: Call): Promise<Message | undefined> => call.next(AbortSignal.timeout(15_000));

  /** What a client says of the tokens that it has; null where it says nothing. */
  type Acknowledge = (tokens: readonly number[], honest: Message) => Message | null;
  const honestly: Acknowledge = (_tokens, honest) => honest;

  /** From START to what ends the task, with the tokens that came. */
  async function take(
    call: Call,
    { start, hash, message: { order } }: Pick<Signed, "start" | "hash" | "message">,
    outputSalt: Uint8Array,
    acknowledge: Acknowledge = honestly,
  ): Promise<{ readonly tokens: number[]; readonly end: Message | undefined }> {
    const key = [...names].find((name) => equalBytes(addressNamed(name), order.client));
    const tokens: number[] = [];
    call.send(start);
    for (;;) {
      const end = await next(call);
      if (end?.type !== "tokens") return { tokens, end };
      tokens.push(...end.tokens);
      if (!end.acknowledge) continue;
      const outputCommitment = tokenCommitment(outputSalt, tokens);
      const delivery = { orderHash: hash, outputTokens: tokens.length, outputCommitment };
      const said = acknowledge(tokens, {
        type: "delivered",
        outputTokens: tokens.length,
        signature: signTyped(keyOf(key ?? ""), client.domain, deliveryHash(delivery)),
      });
      if (said !== null) call.send(said);
    }
  }

  async function acceptedBy(worker: Peer, { message }: Signed) {
    const call = worker.link.call(message);
    const accepted = await next(call);
    if (accepted?.type !== "accept") throw new Error(JSON.stringify(accepted));
    return { call, accepted };
  }

  async function finish(
    call: Call,
    signed: Signed,
    salt: Uint8Array,
  ): Promise<Message | undefined> {
    return (await take(call, signed, salt)).end;
  }

  test("keeps the rules gets its answer, so that what follows means something", async () => {
    const { worker } = await buyer("good client", 1_000_000n);
    const signed = sign("good client");
    const { call, accepted } = await acceptedBy(worker, signed);
    const { workerNonce, signature, outputSalt } = accepted;
    const digest = acceptanceHash({ orderHash: signed.hash, workerNonce });
    expect(recoverTyped(client.domain, digest, signature)).toEqual(addressOf(keyOf("worker")));
    expect(await finish(call, signed, outputSalt)).toMatchObject({
      type: "done",
      receipt: { outputTokens: 2, finishReason: 2 },
    });
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
      const signed = sign("opener");
      const { call } = await acceptedBy(worker, signed);
      call.send(change(signed.start));
      expect(await next(call)).toMatchObject({ type: "fail", code: RPC_CODES[code] });
      expect(await next(worker.link.call(signed.message))).toMatchObject({
        type: "refuse",
        code: RPC_CODES.invalidOrder,
      });
    },
  );

  test("hides tokens in its prompt that do not exist gets no receipt", async () => {
    const { worker } = await buyer("hider", 1_000_000n);
    const signed = sign("hider", {}, [demoModel().program.vocab, 1, 2]);
    const { call } = await acceptedBy(worker, signed);
    call.send(signed.start);
    expect(await next(call)).toMatchObject({ type: "fail", code: RPC_CODES.internal });
  });

  test("sends the same order twice at once gets one acceptance", async () => {
    const { worker } = await buyer("doubler", 1_000_000n);
    const signed = sign("doubler");
    const { message } = signed;
    const calls = [1, 2, 3].map(() => worker.link.call(message));
    const answers = await Promise.all(calls.map(next));
    expect(answers.map((answer) => answer?.type).toSorted()).toEqual([
      "accept",
      "refuse",
      "refuse",
    ]);
    const at = answers.findIndex((answer) => answer?.type === "accept");
    const [accepted, answer] = [calls[at], answers[at]];
    if (accepted === undefined || answer?.type !== "accept") throw new Error("none accepted");
    const done = await finish(accepted, signed, answer.outputSalt);
    expect(done).toMatchObject({ type: "done" });
    // Later, the same receipt again, and no other.
    expect(await next(worker.link.call(message))).toEqual(done);
  });

  /** An answer of some forty tokens: more than may be undelivered. */
  const LONG = demoPrompt("Spell the word pneumonoultramicroscopicsilicovolcanoconiosis.");
  const long = (name: string) => sign(name, { maxTokens: 96 }, LONG);

  test("takes tokens and acknowledges none gets no more than the agreed few, and no receipt", async () => {
    const { worker } = await buyer("taker", 1_000_000n);
    const signed = long("taker");
    const { call, accepted } = await acceptedBy(worker, signed);
    const { tokens, end } = await take(call, signed, accepted.outputSalt, () => null);
    expect(tokens.length).toBeLessThanOrEqual(MAX_UNDELIVERED);
    expect(end).toMatchObject({ type: "fail", code: RPC_CODES.timeout });
  }, 30_000);

  test.each<[string, (honest: Message, others: Message) => Message]>([
    ["more tokens than it got", (h) => ({ ...h, outputTokens: 99 }) as Message],
    ["fewer tokens under this signature", (h) => ({ ...h, outputTokens: 1 }) as Message],
    ["the tokens of another order", (_h, others) => others],
    ["a signature of nobody", (h) => ({ ...h, signature: new Uint8Array(65) }) as Message],
    ["a START", () => ({ type: "ok" })],
  ])("acknowledges with %s gets no receipt", async (_what, forge) => {
    const { worker } = await buyer("forger", 1_000_000n);
    const signed = sign("forger");
    const { call, accepted } = await acceptedBy(worker, signed);
    const delivery = { orderHash: random32(), outputTokens: 2, outputCommitment: random32() };
    const others: Message = {
      type: "delivered",
      outputTokens: 2,
      signature: signTyped(keyOf("forger"), client.domain, deliveryHash(delivery)),
    };
    const { end } = await take(call, signed, accepted.outputSalt, (_t, honest) =>
      forge(honest, others),
    );
    expect(end).toMatchObject({ type: "fail", code: RPC_CODES.protocol });
  });

  test("stops an answer pays for what it acknowledged, and gets the receipt for exactly that", async () => {
    const { worker } = await buyer("stopper", 1_000_000n);
    const signed = long("stopper");
    const { call, accepted } = await acceptedBy(worker, signed);
    let had = 0;
    const { end } = await take(call, signed, accepted.outputSalt, (tokens, honest) => {
      if (had > 0) return { type: "cancel" };
      had = tokens.length;
      return honest;
    });
    if (end?.type !== "done") throw new Error(JSON.stringify(end));
    expect(end.receipt).toMatchObject({ outputTokens: had, finishReason: 3 });
    expect(had).toBeGreaterThan(0);
    // The same receipt for ever: a second one would be fraud.
    expect(await next(worker.link.call(signed.message))).toEqual(end);
  });

  test("goes away in the middle is owed for what it acknowledged: the receipt waits for it", async () => {
    const { member, worker } = await buyer("vanisher", 1_000_000n);
    const signed = long("vanisher");
    const { call, accepted } = await acceptedBy(worker, signed);
    let had = 0;
    const taking = take(call, signed, accepted.outputSalt, (tokens, honest) => {
      if (had > 0) {
        member.mesh.stop().catch(() => undefined);
        return null;
      }
      had = tokens.length;
      return honest;
    });
    expect((await taking).end).toBeUndefined();
    const back = await buyer("vanisher", 0n);
    const again = await eventually("the receipt", async () => {
      const answer = await next(back.worker.link.call(signed.message));
      return answer?.type === "done" ? answer : undefined;
    });
    expect(again.receipt).toMatchObject({ outputTokens: had, finishReason: 3 });
  });

  test.each<[string, object | "tampered", keyof typeof RPC_CODES]>([
    ["grants a unit less than it owes", { amount: -1n }, "price"],
    ["grants what it owes to another worker", { worker: new Uint8Array(20) }, "invalidOrder"],
    ["grants in another's name", { client: addressNamed("rich") }, "invalidOrder"],
    ["settles sequences that do not exist", { settledBelow: 2n ** 60n }, "invalidOrder"],
    ["signs something else", "tampered", "invalidOrder"],
  ])("%s is refused its voucher", async (_what, change, code) => {
    const { worker } = await buyer("voucher giver", 10_000_000n);
    const signed = sign("voucher giver");
    const { call, accepted } = await acceptedBy(worker, signed);
    expect(await finish(call, signed, accepted.outputSalt)).toMatchObject({ type: "done" });
    const { order } = signed.message;
    granted += signed.cost;
    const { amount = 0n, ...rest } = change === "tampered" ? {} : (change as { amount?: bigint });
    const voucher = {
      client: order.client,
      worker: order.worker,
      settledBelow: order.sequence + 1n,
      amount: granted + amount,
      ...rest,
    };
    const signature = signTyped(keyOf("voucher giver"), client.domain, voucherHash(voucher));
    const sent = change === "tampered" ? { ...voucher, amount: voucher.amount + 1n } : voucher;
    const answer = await next(worker.link.call({ type: "voucher", voucher: sent, signature }));
    expect(answer).toMatchObject({ type: "fail", code: RPC_CODES[code] });
  });
  /** What "voucher giver" owes by now. */
  let granted = 0n;

  test("uses a sequence twice is refused the second time", async () => {
    const { worker } = await buyer("repeater", 10_000_000n);
    const first = sign("repeater");
    const { call, accepted } = await acceptedBy(worker, first);
    await finish(call, first, accepted.outputSalt);
    const second = sign("repeater", { sequence: first.message.order.sequence });
    expect(await next(worker.link.call(second.message))).toMatchObject({
      type: "refuse",
      code: RPC_CODES.invalidOrder,
    });
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
