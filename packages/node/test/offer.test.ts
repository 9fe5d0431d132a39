import { addressOf, nonceHash, type Order, RPC_CODES, tokenCommitment } from "@assay/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type OfferFacts,
  refusalOf,
  refusalOfChannel,
  refusalOfSequence,
} from "../src/worker/offer.ts";
import { keyOf } from "./support/keys.ts";

const client = addressOf(keyOf("client"));
const worker = addressOf(keyOf("worker"));
const NOW = 1_700_000_000n;

const order: Order = {
  programRoot: new Uint8Array(32).fill(1),
  client,
  worker,
  sequence: 7n,
  inputCommitment: tokenCommitment(new Uint8Array(32), [1, 2, 3]),
  promptTokens: 3,
  maxTokens: 10,
  invTemperature: 0,
  topP: 65_536,
  seedSource: 0,
  clientSeed: 0n,
  nonceHash: nonceHash(new Uint8Array(32)),
  promptPrice: 5n,
  outputPrice: 7n,
  deadline: NOW + 60n,
  salt: new Uint8Array(32),
};
/** 3 · 5 + 10 · 7 */
const LARGEST_PRICE = 85n;

const facts: OfferFacts = {
  order,
  signer: client,
  worker,
  context: 64,
  promptPrice: 5n,
  outputPrice: 7n,
  freeSlots: 1,
  now: NOW,
};

test("an order that is just good enough in everything is taken", () => {
  expect(refusalOf({ ...facts, context: 12 })).toBeNull();
  expect(refusalOf({ ...facts, ...ordering({ deadline: NOW + 10n }) })).toBeNull();
  expect(refusalOfChannel(order, LARGEST_PRICE)).toBeNull();
});

const ordering = (change: Partial<Order>): Partial<OfferFacts> => ({
  order: { ...order, ...change },
});

describe("refusals", () => {
  const refusals: readonly (readonly [string, Partial<OfferFacts>, keyof typeof RPC_CODES])[] = [
    ["no signature", { signer: null }, "invalidOrder"],
    ["signed by somebody else", { signer: worker }, "invalidOrder"],
    ["for another worker", ordering({ worker: client }), "invalidOrder"],
    ["a program that is not here", { context: undefined }, "unknownProgram"],
    ["one token beyond the context", { context: 11 }, "invalidOrder"],
    ["no prompt", ordering({ promptTokens: 0 }), "invalidOrder"],
    ["no output", ordering({ maxTokens: 0 }), "invalidOrder"],
    ["greedy with a nucleus", ordering({ topP: 65_535 }), "invalidOrder"],
    ["too cold", ordering({ invTemperature: 16_384 }), "invalidOrder"],
    ["an empty nucleus", ordering({ invTemperature: 1, topP: 0 }), "invalidOrder"],
    ["a seed that is not used", ordering({ clientSeed: 1n }), "invalidOrder"],
    ["a prompt price too low", ordering({ promptPrice: 4n }), "price"],
    ["an output price too low", ordering({ outputPrice: 6n }), "price"],
    ["a deadline that is now", ordering({ deadline: NOW }), "deadline"],
    ["a deadline in less than 10 s", ordering({ deadline: NOW + 9n }), "deadline"],
    ["a deadline in more than an hour", ordering({ deadline: NOW + 3_601n }), "deadline"],
    ["no slot", { freeSlots: 0 }, "busy"],
    ["a slot less than none", { freeSlots: -1 }, "busy"],
  ];
  test.each(refusals)("%s", (_what, change, code) => {
    const refusal = refusalOf({ ...facts, ...change });
    expect(refusal?.code).toBe(RPC_CODES[code]);
    expect(refusal?.text).not.toBe("");
  });

  test.each<readonly [string, Partial<Order>, bigint]>([
    ["a channel one unit short", {}, LARGEST_PRICE - 1n],
    ["an overcommitted channel", {}, -1n],
    ["prices beyond what a channel holds", { outputPrice: 2n ** 128n - 1n }, LARGEST_PRICE],
  ])("%s", (_what, change, free) => {
    expect(refusalOfChannel({ ...order, ...change }, free)?.code).toBe(RPC_CODES.channel);
  });

  test("who has not signed learns nothing of slots, prices and programs", () => {
    const refusal = refusalOf({ ...facts, signer: null, context: undefined, freeSlots: 0 });
    expect(refusal?.code).toBe(RPC_CODES.invalidOrder);
  });

  test("an accepted order never costs more than what its channel has free", () => {
    const amount = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
    const u32 = fc.nat({ max: 200 });
    fc.assert(
      fc.property(
        amount,
        amount,
        amount,
        u32,
        u32,
        (promptPrice, outputPrice, channelFree, promptTokens, maxTokens) => {
          const change = { promptPrice, outputPrice, promptTokens, maxTokens };
          const refusal = refusalOfChannel({ ...order, ...change }, channelFree);
          const cost = BigInt(promptTokens) * promptPrice + BigInt(maxTokens) * outputPrice;
          return refusal !== null || cost <= channelFree;
        },
      ),
    );
  });
});

test.each([
  ["the first that is open", { settledBelow: 7n, taken: false }, null],
  ["one that is settled", { settledBelow: 8n, taken: false }, RPC_CODES.invalidOrder],
  ["one that another order has", { settledBelow: 0n, taken: true }, RPC_CODES.invalidOrder],
])("the sequence 7, %s", (_what, channel, code) => {
  expect(refusalOfSequence(order, channel)?.code ?? null).toBe(code);
});
