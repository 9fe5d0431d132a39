/**
 * Orders: what a client asks of one worker, and promises to pay for it (spec/03 §3.1).
 */

import { address, bytes32, u8Of, u32, u64, u128 } from "./field.ts";
import { MAX_INV_TEMPERATURE, MAX_SEQUENCE, TOP_P_ONE } from "./limits.ts";
import { type Struct, struct } from "./struct.ts";

/** 0: from both nonces. 1: from the client's explicit seed (spec/03 §3.3). */
export type SeedSource = 0 | 1;

/** How the token is chosen (spec/01 §1.5.16). */
export interface Sampling {
  /** 0 is greedy, else the integer nearest to 2^10 / temperature, 1 … 16383. */
  readonly invTemperature: number;
  /** In 1/65536, 1 … 65536. */
  readonly topP: number;
}

/** Hashes have 32 bytes, addresses 20; prices are token base units a token. */
export interface Order extends Sampling {
  readonly programRoot: Uint8Array;
  /** The payer of the channel, who signs. */
  readonly client: Uint8Array;
  readonly worker: Uint8Array;
  /** Numbers the orders of one channel (client, worker), rising: vouchers settle all below a number. */
  readonly sequence: bigint;
  readonly inputCommitment: Uint8Array;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly seedSource: SeedSource;
  /** 0 when seedSource is 0. */
  readonly clientSeed: bigint;
  /** keccak256 of the client's nonce. */
  readonly nonceHash: Uint8Array;
  readonly promptPrice: bigint;
  readonly outputPrice: bigint;
  /** Unix seconds. */
  readonly deadline: bigint;
  readonly salt: Uint8Array;
}

export const orderStruct: Struct<Order> = struct("Order", {
  programRoot: bytes32,
  client: address,
  worker: address,
  sequence: u64,
  inputCommitment: bytes32,
  promptTokens: u32,
  maxTokens: u32,
  invTemperature: u32,
  topP: u32,
  seedSource: u8Of<SeedSource>(0, 1),
  clientSeed: u64,
  nonceHash: bytes32,
  promptPrice: u128,
  outputPrice: u128,
  deadline: u64,
  salt: bytes32,
});

/** EIP-712's hashStruct. @throws {RangeError} for an order that has no encoding. */
export function orderHash(order: Order): Uint8Array {
  return orderStruct.hash(order);
}

/** What so many tokens cost by the order's prices; more than uint128 holds is no price. */
export function priceOf(order: Order, promptTokens: number, outputTokens: number): bigint {
  return BigInt(promptTokens) * order.promptPrice + BigInt(outputTokens) * order.outputPrice;
}

/** The most that the order can cost: what its channel must cover (spec/04 §4.3). */
export function largestPrice(order: Order): bigint {
  return priceOf(order, order.promptTokens, order.maxTokens);
}

/** A rule of spec/03 §3.1 that an order breaks. */
export type OrderFault =
  | "SAMPLING_RANGE"
  | "PROMPT_EMPTY"
  | "MAX_TOKENS_ZERO"
  | "CONTEXT_EXCEEDED"
  | "CLIENT_SEED_UNUSED"
  | "SEQUENCE_RANGE";

function samplingInRange({ invTemperature, topP }: Sampling): boolean {
  if (invTemperature === 0) return topP === TOP_P_ONE;
  return invTemperature <= MAX_INV_TEMPERATURE && topP >= 1 && topP <= TOP_P_ONE;
}

/**
 * The first rule that `order` breaks, or null. Who signs or accepts an order asks this first.
 *
 * @param context positions of the program that is ordered
 */
export function orderFault(order: Order, context: number): OrderFault | null {
  if (!samplingInRange(order)) return "SAMPLING_RANGE";
  if (order.promptTokens === 0) return "PROMPT_EMPTY";
  if (order.maxTokens === 0) return "MAX_TOKENS_ZERO";
  if (order.promptTokens + order.maxTokens - 1 > context) return "CONTEXT_EXCEEDED";
  if (order.seedSource === 0 && order.clientSeed !== 0n) return "CLIENT_SEED_UNUSED";
  if (order.sequence > MAX_SEQUENCE) return "SEQUENCE_RANGE";
  return null;
}
