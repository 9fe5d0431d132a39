/**
 * The sampling seed (spec/03 §3.3): fixed by both sides' nonces, or by the user.
 */

import { concatBytes } from "./bytes.ts";
import { bigEndian } from "./field.ts";
import { keccak256 } from "./hash.ts";
import { type Order, orderHash } from "./order.ts";

const NONCES_TAG = new TextEncoder().encode("assay/seed/1");
const CHOICE_TAG = new TextEncoder().encode("assay/choice/1");
const CLIENT_TAG = new TextEncoder().encode("assay/seed/client/1");

/** The nonces of one task, 32 bytes each. */
export interface Nonces {
  readonly clientNonce: Uint8Array;
  readonly workerNonce: Uint8Array;
}

/** The seed that `order` gives; the nonces do not matter where the user chose one. */
export function orderSeed(order: Order, { clientNonce, workerNonce }: Nonces): Uint8Array {
  if (order.seedSource === 1) {
    return keccak256(concatBytes(CLIENT_TAG, order.programRoot, bigEndian(order.clientSeed, 8)));
  }
  return keccak256(concatBytes(NONCES_TAG, orderHash(order), clientNonce, workerNonce));
}

/**
 * The explicit seed of choice `index` of several that were asked for with one seed: the first has the seed itself
 * (spec/06 §6.5). Below 2^53, so that every client can hold it.
 */
export function choiceSeed(seed: bigint, index: number): bigint {
  if (index === 0) return seed;
  const hash = keccak256(concatBytes(CHOICE_TAG, bigEndian(seed, 8), bigEndian(index, 4)));
  return hash.subarray(0, 7).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) >> 3n;
}

/** What an order carries for the client's nonce. */
export function nonceHash(clientNonce: Uint8Array): Uint8Array {
  return keccak256(clientNonce);
}
