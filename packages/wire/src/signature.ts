/**
 * Signatures and addresses as the EVM has them (spec/03 §3.1): secp256k1 over a 32-byte digest,
 * r ‖ s ‖ v, v = 27 or 28, s in the lower half. One signature per key and digest is made, and no
 * second encoding of one is accepted.
 */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { ADDRESS_BYTES } from "./field.ts";
import { HASH_BYTES, keccak256 } from "./hash.ts";

export const SIGNATURE_BYTES = 65;

/** The offset that Bitcoin and the EVM add to the recovery bit. */
const V_OFFSET = 27;

function addressOfPoint(uncompressed: Uint8Array): Uint8Array {
  return keccak256(uncompressed.subarray(1)).slice(-ADDRESS_BYTES);
}

/** The address of a private key. @throws {Error} if it is not 32 bytes in 1 … n − 1. */
export function addressOf(privateKey: Uint8Array): Uint8Array {
  return addressOfPoint(secp256k1.getPublicKey(privateKey, false));
}

/** Signs a digest, deterministically (RFC 6979). @throws {Error} if the key is not 32 bytes in 1 … n − 1. */
export function signDigest(privateKey: Uint8Array, digest: Uint8Array): Uint8Array {
  if (digest.length !== HASH_BYTES) throw new RangeError("a digest has 32 bytes");
  const recovered = secp256k1.sign(digest, privateKey, { prehash: false, format: "recovered" });
  const signature = new Uint8Array(SIGNATURE_BYTES);
  signature.set(recovered.subarray(1));
  signature[64] = V_OFFSET + (recovered[0] ?? 0);
  return signature;
}

/** Who signed `digest`. Null if the bytes are no signature by the rules above; never throws for them. */
export function recoverAddress(digest: Uint8Array, signature: Uint8Array): Uint8Array | null {
  if (digest.length !== HASH_BYTES) throw new RangeError("a digest has 32 bytes");
  if (signature.length !== SIGNATURE_BYTES) return null;
  const recovery = (signature[64] ?? 0) - V_OFFSET;
  if (recovery !== 0 && recovery !== 1) return null;
  try {
    const parsed = secp256k1.Signature.fromBytes(signature.slice(0, 64), "compact");
    if (parsed.hasHighS()) return null;
    return addressOfPoint(parsed.addRecoveryBit(recovery).recoverPublicKey(digest).toBytes(false));
  } catch {
    return null;
  }
}
