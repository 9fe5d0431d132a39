/** Attacks by name: a worker's, against what the gateway runs an order with. */

import type { ChainClient } from "@assay/chain";
import {
  acceptanceHash,
  encodeReceiptFile,
  type Message,
  orderHash,
  type ProgramOffer,
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
import { makeReceiptFile, PROMPT, random32 } from "./support/receipts.ts";
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
    return runOrder({
      payer: {
        privateKey: keyOf("client"),
        address: addressNamed("client"),
        domain: client.domain,
        deadlineSeconds: 60,
      },
      peer,
      offer: offerOfDemo(),
      request: { ...request, programRoot: demoModel().root },
    });
  }

  function accept(call: Call, { order }: Offer, key = keyOf("worker")): Uint8Array {
    const workerNonce = random32();
    const digest = acceptanceHash({ orderHash: orderHash(order), workerNonce });
    call.send({
      type: "accept",
      workerNonce,
      signature: signTyped(key, client.domain, digest),
    });
    return workerNonce;
  }

  /** An honest receipt for this order and start, with changes that the worker signs. */
  function honestDone(
    { order }: Offer,
    { clientNonce, inputSalt }: Start,
    workerNonce: Uint8Array,
    change: Partial<Receipt> = {},
  ): Extract<Message, { type: "done" }> & { readonly output: readonly number[] } {
    const made = makeReceiptFile({
      domain: client.domain,
      order,
      nonces: { clientNonce, workerNonce, inputSalt },
      receipt: change,
    });
    return {
      type: "done",
      receipt: made.receipt,
      signature: made.receiptSignature,
      outputSalt: made.outputSalt,
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
    (end: (call: Call, offer: Offer, start: Start, workerNonce: Uint8Array) => void) =>
    async (call: Call, offer: Offer): Promise<void> => {
      const workerNonce = accept(call, offer);
      end(call, offer, await startOf(call), workerNonce);
    };

  const verdictOn = (file: ReceiptFile) =>
    verifyWith(encodeReceiptFile(file), demoModel(), client.domain, {
      client: addressNamed("client"),
      prompt: PROMPT,
      maxTokens: 2,
    });

  test("is honest is believed, so that what follows means something", async () => {
    const file = await against(
      ending((call, offer, start, nonce) => {
        const { output, ...done } = honestDone(offer, start, nonce);
        call.send({ type: "tokens", tokens: output });
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
      for (let i = 0; i < 3; i++) call.send({ type: "tokens", tokens: [1] });
      cancelled = (await call.next(AbortSignal.timeout(5_000)))?.type === "cancel";
    });
    await expect(asked).rejects.toMatchObject({
      detail: { code: "TASK_PROTOCOL", expected: "at most 2 tokens", actual: "3" },
    });
    await eventually("it is told to stop", () => cancelled);
  });

  test.each<[string, Message]>([
    ["answers START with EVIDENCE", { type: "evidence", file: new Uint8Array(9) }],
    ["accepts twice", { type: "accept", workerNonce: random32(), signature: new Uint8Array(65) }],
    ["refuses after it accepted", { type: "refuse", code: 2, text: "busy" }],
  ])("%s is left", async (_what, message) => {
    const asked = against(ending((call) => call.send(message)));
    await expect(asked).rejects.toMatchObject({ detail: { code: "TASK_PROTOCOL" } });
  });

  test("answers OFFER with the end of a task is left", async () => {
    const asked = against(async (call) => call.send({ type: "tokens", tokens: [1] }));
    await expect(asked).rejects.toMatchObject({ detail: { code: "TASK_PROTOCOL" } });
  });

  test("gives up or goes away is told apart", async () => {
    const gaveUp = against(ending((call) => call.send({ type: "fail", code: 1, text: "no" })));
    await expect(gaveUp).rejects.toMatchObject({ detail: { code: "TASK_FAILED", reason: "no" } });
  });

  const lies: readonly (readonly [
    string,
    string,
    (call: Call, offer: Offer, start: Start, workerNonce: Uint8Array) => void,
    "fraud" | "unusable",
  ])[] = [
    [
      "replays the receipt of another order",
      "ORDER_HASH_MISMATCH",
      (call) => {
        const earlier = makeReceiptFile({ domain: client.domain });
        const { receipt, receiptSignature: signature, outputSalt } = earlier;
        call.send({ type: "tokens", tokens: earlier.output });
        call.send({ type: "done", receipt, signature, outputSalt });
      },
      "unusable",
    ],
    [
      "answers with somebody else's receipt",
      "RECEIPT_SIGNER_WRONG",
      (call, offer, start, nonce) => {
        const { output, ...done } = honestDone(offer, start, nonce);
        const signature = signTyped(keyOf("other"), client.domain, receiptHash(done.receipt));
        call.send({ type: "tokens", tokens: output });
        call.send({ ...done, signature });
      },
      "unusable",
    ],
    [
      "commits to other tokens than it sent",
      "OUTPUT_NOT_OPENED",
      (call, offer, start, nonce) => {
        const { output, ...done } = honestDone(offer, start, nonce);
        call.send({ type: "tokens", tokens: output.map((token) => token + 1) });
        call.send(done);
      },
      "unusable",
    ],
    [
      "signs edited tokens",
      "TOKEN_WRONG",
      (call, offer, start, nonce) => {
        const { output } = honestDone(offer, start, nonce);
        const edited = output.map((token, i) => (i === 0 ? token : anotherThan(token)));
        const salt = random32();
        const outputCommitment = tokenCommitment(salt, edited);
        const { output: _, ...done } = honestDone(offer, start, nonce, { outputCommitment });
        call.send({ type: "tokens", tokens: edited });
        call.send({ ...done, outputSalt: salt });
      },
      "fraud",
    ],
    [
      "uses another seed",
      "SEED_WRONG",
      (call, offer, start, nonce) => {
        const { output, ...done } = honestDone(offer, start, nonce, { seed: random32() });
        call.send({ type: "tokens", tokens: output });
        call.send(done);
      },
      "fraud",
    ],
    [
      "shops for a seed with another nonce than it fixed",
      "SEED_WRONG",
      (call, offer, start) => {
        const { output, ...done } = honestDone(offer, start, random32());
        call.send({ type: "tokens", tokens: output });
        call.send(done);
      },
      "fraud",
    ],
    [
      "asks for more than the order's price",
      "PRICE_WRONG",
      (call, offer, start, nonce) => {
        const { output, ...done } = honestDone(offer, start, nonce, { price: 10n ** 18n });
        call.send({ type: "tokens", tokens: output });
        call.send(done);
      },
      "unusable",
    ],
    [
      "counts tokens that it did not send",
      "OUTPUT_COUNT_WRONG",
      (call, offer, start, nonce) => {
        const [first = 0] = honestDone(offer, start, nonce).output;
        const salt = random32();
        const outputCommitment = tokenCommitment(salt, [first]);
        const { output: _, ...done } = honestDone(offer, start, nonce, { outputCommitment });
        call.send({ type: "tokens", tokens: [first] });
        call.send({ ...done, outputSalt: salt });
      },
      "fraud",
    ],
    [
      "sends no token at all",
      "OUTPUT_COUNT_WRONG",
      (call, offer, start, nonce) => {
        const { output: _, ...done } = honestDone(offer, start, nonce);
        call.send(done);
      },
      "unusable",
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
      signal: AbortSignal.timeout(200),
    });
    await expect(asked).rejects.toThrow(/timeout/);
    await eventually("it is told", () => told);
    expect(told).toEqual({ type: "cancel" });
  });
});

const anotherThan = (token: number): number => (token === 5 ? 6 : 5);
