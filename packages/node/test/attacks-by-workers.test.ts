/** Attacks by name: a worker's, against what the gateway runs an order with. */

import type { ChainClient } from "@assay/chain";
import {
  acceptanceHash,
  encodeReceiptFile,
  type Message,
  orderHash,
  type ProgramOffer,
  priceOf,
  type Receipt,
  type ReceiptFile,
  ROLES,
  receiptHash,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOrder, type TaskRequest } from "../src/gateway/run-order.ts";
import type { Call } from "../src/mesh/link.ts";
import { judge, verifyWith } from "../src/verifier/judge.ts";
import { demoModel, demoModels } from "./support/demo.ts";
import { eventually } from "./support/eventually.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { startMember } from "./support/players.ts";
import { makeReceiptFile, nextSequence, PROMPT, random32, traceOf } from "./support/receipts.ts";
import { OUTPUT_PRICE, PROMPT_PRICE } from "./support/roles.ts";
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

const request: TaskRequest = {
  programRoot: new Uint8Array(32),
  prompt: PROMPT,
  maxTokens: 2,
  sampling: { invTemperature: 0, topP: 65_536 },
  endTokens: [],
};

const record = {
  placed: async () => undefined,
  started: async () => undefined,
  delivered: async () => undefined,
};

const offerOfDemo = (): ProgramOffer => ({
  programRoot: demoModel().root,
  promptPrice: PROMPT_PRICE,
  outputPrice: OUTPUT_PRICE,
});

describe("a worker that", () => {
  /** What an honest client makes of a worker that does this after OFFER. */
  async function against(serve: (call: Call, offer: Offer) => Promise<void>): Promise<ReceiptFile> {
    const buyer = await startMember({ name: "client", network: chain.network });
    await startMember({
      name: "worker",
      network: { ...chain.network, bootstrap: [...buyer.mesh.addresses] },
      self: { roles: ROLES.worker, programs: [offerOfDemo()], freeSlots: () => 1 },
      onCall: async (call, first) => {
        if (first.type === "offer") await serve(call, first);
      },
    });
    const peer = await eventually("the worker", () => buyer.peers.withRole("worker")[0]);
    const { file } = await runOrder({
      payer: {
        privateKey: keyOf("client"),
        address: addressNamed("client"),
        domain: client.domain,
        deadlineSeconds: 60,
      },
      peer,
      offer: offerOfDemo(),
      request: { ...request, programRoot: demoModel().root },
      sequence: nextSequence(),
      record,
    });
    return file;
  }

  interface Fixed {
    readonly workerNonce: Uint8Array;
    readonly outputSalt: Uint8Array;
  }

  function accept(call: Call, { order }: Offer, key = keyOf("worker")): Fixed {
    const [workerNonce, outputSalt] = [random32(), random32()];
    const digest = acceptanceHash({ orderHash: orderHash(order), workerNonce });
    call.send({
      type: "accept",
      workerNonce,
      signature: signTyped(key, client.domain, digest),
      outputSalt,
    });
    return { workerNonce, outputSalt };
  }

  /** An honest receipt for this order and start, with changes that the worker signs. */
  function honestDone(
    { order }: Offer,
    { clientNonce, inputSalt }: Start,
    { workerNonce, outputSalt }: Fixed,
    change: Partial<Receipt> = {},
  ): Extract<Message, { type: "done" }> & { readonly output: readonly number[] } {
    const made = makeReceiptFile({
      domain: client.domain,
      order,
      nonces: { clientNonce, workerNonce, inputSalt, outputSalt },
      receipt: change,
    });
    return {
      type: "done",
      receipt: made.receipt,
      signature: made.receiptSignature,
      output: made.output,
    };
  }

  async function startOf(call: Call): Promise<Start> {
    const start = await call.next(AbortSignal.timeout(5_000));
    if (start?.type !== "start") throw new Error(`${start?.type} where START was due`);
    return start;
  }

  /** Accepts, waits for START, and ends as told. */
  const ending =
    (end: (call: Call, offer: Offer, start: Start, fixed: Fixed) => void) =>
    async (call: Call, offer: Offer): Promise<void> => {
      const fixed = accept(call, offer);
      end(call, offer, await startOf(call), fixed);
    };

  const verdictOn = (file: ReceiptFile) =>
    verifyWith(encodeReceiptFile(file), demoModel(), client.domain, {
      client: addressNamed("client"),
      prompt: PROMPT,
      maxTokens: 2,
      cut: false,
    });

  test("is honest is believed, so that what follows means something", async () => {
    const file = await against(
      ending((call, offer, start, nonce) => {
        const { output, ...done } = honestDone(offer, start, nonce);
        call.send({ type: "tokens", tokens: output, acknowledge: false });
        call.send(done);
      }),
    );
    expect(verdictOn(file).ok).toBe(true);
  });

  test("accepts with another key never sees the client's nonce", async () => {
    let seen: Message | undefined;
    const asked = against(async (call, offer) => {
      accept(call, offer, keyOf("somebody else"));
      seen = await call.next(AbortSignal.timeout(2_000));
    });
    await expect(asked).rejects.toMatchObject({ detail: { code: "TASK_PROTOCOL" } });
    await eventually("the worker hears", () => seen);
    expect(seen).toEqual({ type: "cancel" });
  });

  test("accepts an earlier order again never sees the client's nonce", async () => {
    const asked = against(async (call, { order }) => {
      accept(call, { type: "offer", order: { ...order, salt: random32() }, signature: random32() });
    });
    await expect(asked).rejects.toMatchObject({ detail: { code: "TASK_PROTOCOL" } });
  });

  test("sends more tokens than were ordered is stopped at the first too many", async () => {
    let cancelled = false;
    const asked = against(async (call, offer) => {
      accept(call, offer);
      await startOf(call);
      for (let i = 0; i < 3; i++) call.send({ type: "tokens", tokens: [1], acknowledge: false });
      cancelled = (await call.next(AbortSignal.timeout(5_000)))?.type === "cancel";
    });
    await expect(asked).rejects.toMatchObject({
      detail: { code: "TASK_PROTOCOL", expected: "at most 2 tokens", actual: "3" },
    });
    await eventually("it is told to stop", () => cancelled);
  });

  test.each<[string, Message]>([
    ["answers START with EVIDENCE", { type: "evidence", file: new Uint8Array(9) }],
    [
      "accepts twice",
      {
        type: "accept",
        workerNonce: random32(),
        signature: new Uint8Array(65),
        outputSalt: random32(),
      },
    ],
    ["refuses after it accepted", { type: "refuse", code: 2, text: "busy" }],
  ])("%s is left", async (_what, message) => {
    const asked = against(ending((call) => call.send(message)));
    await expect(asked).rejects.toMatchObject({ detail: { code: "TASK_PROTOCOL" } });
  });

  test("answers OFFER with the end of a task is left", async () => {
    const asked = against(async (call) =>
      call.send({ type: "tokens", tokens: [1], acknowledge: false }),
    );
    await expect(asked).rejects.toMatchObject({ detail: { code: "TASK_PROTOCOL" } });
  });

  test("gives up or goes away is told apart", async () => {
    const gaveUp = against(ending((call) => call.send({ type: "fail", code: 1, text: "no" })));
    await expect(gaveUp).rejects.toMatchObject({ detail: { code: "TASK_FAILED", reason: "no" } });
  });

  test.each<[string, (call: Call, offer: Offer, start: Start, fixed: Fixed) => void]>([
    [
      "replays the receipt of another order",
      (call) => {
        const earlier = makeReceiptFile({ domain: client.domain });
        const { receipt, receiptSignature: signature } = earlier;
        call.send({ type: "tokens", tokens: earlier.output, acknowledge: false });
        call.send({ type: "done", receipt, signature });
      },
    ],
    [
      "answers with somebody else's receipt",
      (call, offer, start, fixed) => {
        const { output, ...done } = honestDone(offer, start, fixed);
        const signature = signTyped(keyOf("other"), client.domain, receiptHash(done.receipt));
        call.send({ type: "tokens", tokens: output, acknowledge: false });
        call.send({ ...done, signature });
      },
    ],
    [
      "commits to other tokens than it sent",
      (call, offer, start, fixed) => {
        const { output, ...done } = honestDone(offer, start, fixed);
        const tokens = output.map((token) => token + 1);
        call.send({ type: "tokens", tokens, acknowledge: false });
        call.send(done);
      },
    ],
    [
      "commits with another salt than it gave",
      (call, offer, start, fixed) => {
        const other = { ...fixed, outputSalt: random32() };
        const { output, ...done } = honestDone(offer, start, other);
        call.send({ type: "tokens", tokens: output, acknowledge: false });
        call.send(done);
      },
    ],
    [
      "sends no token at all",
      (call, offer, start, fixed) => {
        const { output: _, ...done } = honestDone(offer, start, fixed);
        call.send(done);
      },
    ],
  ])("%s has given no receipt at all", async (_what, end) => {
    await expect(against(ending(end))).rejects.toMatchObject({ detail: { code: "TASK_FORGED" } });
  });

  const lies: readonly (readonly [
    string,
    string,
    (call: Call, offer: Offer, start: Start, fixed: Fixed) => void,
    "fraud" | "unusable" | "honest",
  ])[] = [
    [
      "signs edited tokens",
      "TOKEN_WRONG",
      (call, offer, start, fixed) => {
        const { output } = honestDone(offer, start, fixed);
        const edited = output.map((token, i) => (i === 0 ? token : anotherThan(token)));
        const outputCommitment = tokenCommitment(fixed.outputSalt, edited);
        const { output: _, ...done } = honestDone(offer, start, fixed, { outputCommitment });
        call.send({ type: "tokens", tokens: edited, acknowledge: false });
        call.send(done);
      },
      "fraud",
    ],
    [
      "uses another seed",
      "SEED_WRONG",
      (call, offer, start, fixed) => {
        const { output, ...done } = honestDone(offer, start, fixed, { seed: random32() });
        call.send({ type: "tokens", tokens: output, acknowledge: false });
        call.send(done);
      },
      "fraud",
    ],
    [
      "shops for a seed with another nonce than it fixed",
      "SEED_WRONG",
      (call, offer, start, fixed) => {
        const shopped = { ...fixed, workerNonce: random32() };
        const { output, ...done } = honestDone(offer, start, shopped);
        call.send({ type: "tokens", tokens: output, acknowledge: false });
        call.send(done);
      },
      "fraud",
    ],
    [
      "asks for more than the order's price",
      "PRICE_WRONG",
      (call, offer, start, fixed) => {
        const { output, ...done } = honestDone(offer, start, fixed, { price: 10n ** 18n });
        call.send({ type: "tokens", tokens: output, acknowledge: false });
        call.send(done);
      },
      "unusable",
    ],
    [
      "counts tokens that it did not send",
      "OUTPUT_COUNT_WRONG",
      (call, offer, start, fixed) => {
        const [first = 0] = honestDone(offer, start, fixed).output;
        const outputCommitment = tokenCommitment(fixed.outputSalt, [first]);
        const { output: _, ...done } = honestDone(offer, start, fixed, { outputCommitment });
        call.send({ type: "tokens", tokens: [first], acknowledge: false });
        call.send(done);
      },
      "fraud",
    ],
    [
      "stops early and calls that the client's wish",
      "CUT_UNEXPECTED",
      (call, offer, start, fixed) => {
        const [first = 0] = honestDone(offer, start, fixed).output;
        const { output, ...done } = honestDone(offer, start, fixed, {
          outputCommitment: tokenCommitment(fixed.outputSalt, [first]),
          outputTokens: 1,
          finishReason: 3,
          price: priceOf(offer.order, offer.order.promptTokens, 1),
          traceRoot: traceOf(PROMPT, [first]),
        });
        call.send({ type: "tokens", tokens: output.slice(0, 1), acknowledge: false });
        call.send(done);
      },
      "honest",
    ],
  ];
  test.each(lies)("%s: %s", async (_what, reason, end, kind) => {
    const file = await against(ending(end));
    expect(verdictOn(file)).toMatchObject({ ok: false, reason });
    expect(judge(encodeReceiptFile(file), client.domain, demoModels()).kind).toBe(kind);
  });

  test("says nothing costs a client that gives up no more than its patience", async () => {
    const buyer = await startMember({ name: "client", network: chain.network });
    let told: Message | undefined;
    await startMember({
      name: "worker",
      network: { ...chain.network, bootstrap: [...buyer.mesh.addresses] },
      self: { roles: ROLES.worker, programs: [offerOfDemo()] },
      onCall: async (call) => {
        told = await call.next(AbortSignal.timeout(5_000));
      },
    });
    const peer = await eventually("the worker", () => buyer.peers.withRole("worker")[0]);
    const asked = runOrder({
      payer: {
        privateKey: keyOf("client"),
        address: addressNamed("client"),
        domain: client.domain,
        deadlineSeconds: 60,
      },
      peer,
      offer: offerOfDemo(),
      request: { ...request, programRoot: demoModel().root },
      sequence: nextSequence(),
      record,
      signal: AbortSignal.timeout(200),
    });
    await expect(asked).rejects.toThrow(/timeout/);
    await eventually("it is told", () => told);
    expect(told).toEqual({ type: "cancel" });
  });
});

const anotherThan = (token: number): number => (token === 5 ? 6 : 5);
