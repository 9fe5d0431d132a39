/**
 * The two hashes of the protocol (spec/02 §2.1): SHA-256 over data, keccak256 over tree nodes and records.
 */

import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

/** Bytes of every hash and root. */
export const HASH_BYTES = 32;

/** A synchronous SHA-256, for callers that have a faster one than JavaScript's. */
export type DataHasher = (chunk: Uint8Array) => Uint8Array;

/** Keccak-256 as the EVM has it (not SHA3-256). */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes);
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}
