import { describe, expect, test } from "vitest";
import {
  choiceSeed,
  concatBytes,
  dataRoot,
  keccak256,
  largestPrice,
  nonceHash,
  type Order,
  type OrderFault,
  orderFault,
  orderHash,
  orderSeed,
  priceOf,
  sha256,
  tokenBytes,
  tokenCommitment,
} from "../src/index.ts";
import { filled, sampleOrder } from "./sample.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("an order's rules (spec/03 §3.1)", () => {
  /** The sample asks for 5 + 6 − 1 positions. */
  const CONTEXT = 10;

  test.each<[string, Partial<Order>]>([
    ["as it is", {}],
    ["greedy", { invTemperature: 0, topP: 65_536 }],
    ["with the least of both parameters", { invTemperature: 1, topP: 1 }],
    ["with the most of both parameters", { invTemperature: 16_383, topP: 65_536 }],
    ["with a seed of the client", { seedSource: 1, clientSeed: 2n ** 64n - 1n }],
    ["with a client's seed of 0", { seedSource: 1, clientSeed: 0n }],
    ["for one token", { promptTokens: 10, maxTokens: 1 }],
    ["with the largest sequence", { sequence: 2n ** 53n - 1n }],
    ["for nothing", { promptPrice: 0n, outputPrice: 0n }],
  ])("hold %s", (_name, change) => {
    expect(orderFault({ ...sampleOrder, ...change }, CONTEXT)).toBeNull();
  });

  test.each<[OrderFault, Partial<Order>]>([
    ["SAMPLING_RANGE", { invTemperature: 0, topP: 65_535 }],
    ["SAMPLING_RANGE", { invTemperature: 16_384 }],
    ["SAMPLING_RANGE", { topP: 0 }],
    ["SAMPLING_RANGE", { topP: 65_537 }],
    ["PROMPT_EMPTY", { promptTokens: 0 }],
    ["MAX_TOKENS_ZERO", { maxTokens: 0 }],
    ["CONTEXT_EXCEEDED", { maxTokens: 7 }],
    ["CONTEXT_EXCEEDED", { promptTokens: 2 ** 32 - 1, maxTokens: 2 ** 32 - 1 }],
    ["CLIENT_SEED_UNUSED", { clientSeed: 1n }],
    ["SEQUENCE_RANGE", { sequence: 2n ** 53n }],
  ])("%s by %o", (fault, change) => {
    expect(orderFault({ ...sampleOrder, ...change }, CONTEXT)).toBe(fault);
  });

  test("the price counts prompt and output apart", () => {
    expect(priceOf(sampleOrder, 5, 2)).toBe(5n * 7n + 2n * 8n);
    expect(largestPrice(sampleOrder)).toBe(5n * 7n + 6n * 8n);
  });
});

describe("commitments (spec/03 §3.2)", () => {
  const salt = filled(32, 9);

  test("are keccak256(salt ‖ dataRoot(tokens as u32 little-endian))", () => {
    const tokens = [1, 258, 4_294_967_295];
    const bytes = Uint8Array.of(1, 0, 0, 0, 2, 1, 0, 0, 255, 255, 255, 255);
    expect(tokenBytes(tokens)).toEqual(bytes);
    expect(tokenCommitment(salt, tokens)).toEqual(keccak256(concatBytes(salt, sha256(bytes))));
    const long = Array.from({ length: 600 }, (_, i) => i);
    expect(tokenCommitment(salt, long)).toEqual(
      keccak256(concatBytes(salt, dataRoot(tokenBytes(long)))),
    );
  });

  test("differ for another salt and other tokens", () => {
    const one = tokenCommitment(salt, [1]);
    expect(tokenCommitment(filled(32, 8), [1])).not.toEqual(one);
    expect(tokenCommitment(salt, [2])).not.toEqual(one);
    expect(tokenCommitment(salt, [1, 0])).not.toEqual(one);
    expect(tokenCommitment(salt, [])).not.toEqual(one);
  });

  test.each([[[-1]], [[2 ** 32]], [[0.5]], [[Number.NaN]]])("there is no token in %j", (tokens) => {
    expect(() => tokenCommitment(salt, tokens)).toThrow(RangeError);
  });

  test("a salt that is not 32 bytes is the caller's bug", () => {
    expect(() => tokenCommitment(filled(31, 9), [1])).toThrow(RangeError);
  });
});

describe("seeds (spec/03 §3.3)", () => {
  const nonces = { clientNonce: filled(32, 1), workerNonce: filled(32, 2) };

  test("come from the order and both nonces", () => {
    const seed = orderSeed(sampleOrder, nonces);
    const { clientNonce, workerNonce } = nonces;
    const message = concatBytes(
      text("assay/seed/1"),
      orderHash(sampleOrder),
      clientNonce,
      workerNonce,
    );
    expect(seed).toEqual(keccak256(message));
    expect(orderSeed({ ...sampleOrder, salt: filled(32, 0) }, nonces)).not.toEqual(seed);
    expect(orderSeed(sampleOrder, { ...nonces, clientNonce: filled(32, 3) })).not.toEqual(seed);
    expect(orderSeed(sampleOrder, { ...nonces, workerNonce: filled(32, 3) })).not.toEqual(seed);
  });

  test("come from the user's number and the program alone where the order says so", () => {
    const order: Order = { ...sampleOrder, seedSource: 1, clientSeed: 0x0102n };
    const number = Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2);
    const seed = keccak256(concatBytes(text("assay/seed/client/1"), order.programRoot, number));
    expect(orderSeed(order, nonces)).toEqual(seed);
    const elsewhere = { ...order, salt: filled(32, 7), worker: filled(20, 7) };
    expect(orderSeed(elsewhere, { ...nonces, workerNonce: filled(32, 7) })).toEqual(seed);
    expect(orderSeed({ ...order, clientSeed: 3n }, nonces)).not.toEqual(seed);
    expect(orderSeed({ ...order, programRoot: filled(32, 7) }, nonces)).not.toEqual(seed);
  });

  test("an order carries keccak256 of the client's nonce", () => {
    expect(nonceHash(nonces.clientNonce)).toEqual(keccak256(nonces.clientNonce));
  });

  test("of several choices with one seed: the first has it, the others follow, exact everywhere", () => {
    expect(choiceSeed(7n, 0)).toBe(7n);
    // keccak256("assay/choice/1" ‖ 0000000000000007 ‖ 00000001), first 53 bits.
    const hash = keccak256(
      concatBytes(text("assay/choice/1"), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1)),
    );
    const bits = BigInt(`0x${Buffer.from(hash.subarray(0, 7)).toString("hex")}`);
    expect(choiceSeed(7n, 1)).toBe(bits / 8n);
    const many = new Set(Array.from({ length: 1_000 }, (_, index) => choiceSeed(7n, index)));
    expect(many.size).toBe(1_000);
    for (const seed of many) expect(seed).toBeLessThan(2n ** 53n);
  });
});
