/** Orders, receipts and receipt files for the tests: fixed ones, and any that the formats hold. */

import fc from "fast-check";
import type { Order, Receipt, ReceiptFile, SeedSource } from "../src/index.ts";

export const filled = (length: number, byte: number): Uint8Array =>
  new Uint8Array(length).fill(byte);

const uint = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.nat({ max: 2 ** 32 - 1 });

export const anyAddress = fixed(20);
export const anyHash = fixed(32);
export const anySignature = fixed(65);
export const anyAmount = uint(128);
export const anyTokens = (max: number, min = 0) =>
  fc.array(u32, { minLength: min, maxLength: max });

export const anyOrder: fc.Arbitrary<Order> = fc.record({
  programRoot: anyHash,
  client: anyAddress,
  worker: anyAddress,
  sequence: uint(64),
  inputCommitment: anyHash,
  promptTokens: u32,
  maxTokens: u32,
  invTemperature: u32,
  topP: u32,
  seedSource: fc.constantFrom<SeedSource>(0, 1),
  clientSeed: uint(64),
  nonceHash: anyHash,
  promptPrice: anyAmount,
  outputPrice: anyAmount,
  deadline: uint(64),
  salt: anyHash,
});

export const anyReceipt: fc.Arbitrary<Receipt> = fc.record({
  orderHash: anyHash,
  programRoot: anyHash,
  worker: anyAddress,
  seed: anyHash,
  inputCommitment: anyHash,
  outputCommitment: anyHash,
  promptTokens: u32,
  outputTokens: u32,
  finishReason: fc.constantFrom(1 as const, 2 as const, 3 as const),
  price: anyAmount,
  completedAt: uint(64),
  traceRoot: anyHash,
});

export const anyReceiptFile: fc.Arbitrary<ReceiptFile> = fc.record({
  domain: fc.record({ chainId: uint(64), settlement: anyAddress }),
  order: anyOrder,
  orderSignature: anySignature,
  workerNonce: anyHash,
  acceptanceSignature: anySignature,
  receipt: anyReceipt,
  receiptSignature: anySignature,
  inputSalt: anyHash,
  outputSalt: anyHash,
  clientNonce: anyHash,
  prompt: anyTokens(20),
  output: anyTokens(20),
});

export const sampleOrder: Order = {
  programRoot: filled(32, 0x01),
  client: filled(20, 0x02),
  worker: filled(20, 0x03),
  sequence: 9n,
  inputCommitment: filled(32, 0x04),
  promptTokens: 5,
  maxTokens: 6,
  invTemperature: 1024,
  topP: 65536,
  seedSource: 0,
  clientSeed: 0n,
  nonceHash: filled(32, 0x05),
  promptPrice: 7n,
  outputPrice: 8n,
  deadline: 1_800_000_000n,
  salt: filled(32, 0x06),
};

export const sampleReceipt: Receipt = {
  orderHash: filled(32, 0x11),
  programRoot: filled(32, 0x12),
  worker: filled(20, 0x13),
  seed: filled(32, 0x14),
  inputCommitment: filled(32, 0x15),
  outputCommitment: filled(32, 0x16),
  promptTokens: 5,
  outputTokens: 6,
  finishReason: 2,
  price: 83n,
  completedAt: 1_799_999_999n,
  traceRoot: filled(32, 0x17),
};

export const sampleFile: ReceiptFile = {
  domain: { chainId: 31_337n, settlement: filled(20, 0x21) },
  order: sampleOrder,
  orderSignature: filled(65, 0x22),
  workerNonce: filled(32, 0x23),
  acceptanceSignature: filled(65, 0x24),
  receipt: sampleReceipt,
  receiptSignature: filled(65, 0x25),
  inputSalt: filled(32, 0x26),
  outputSalt: filled(32, 0x27),
  clientNonce: filled(32, 0x28),
  prompt: [1, 2, 3, 4, 5],
  output: [6, 7, 8, 9, 10, 4_294_967_295],
};
