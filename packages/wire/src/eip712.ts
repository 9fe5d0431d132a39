/**
 * The EIP-712 domain of the protocol and the digests that are signed in it (spec/03 §3.1).
 */

import { concatBytes } from "./bytes.ts";
import { address, bytes32, type Field, u64 } from "./field.ts";
import { keccak256 } from "./hash.ts";
import { recoverAddress, signDigest } from "./signature.ts";
import { type Struct, struct } from "./struct.ts";

/** What a signature is good for: one settlement contract on one chain. */
export interface SigningDomain {
  readonly chainId: bigint;
  /** 20 bytes. */
  readonly settlement: Uint8Array;
}

interface DomainWords {
  readonly name: Uint8Array;
  readonly version: Uint8Array;
  readonly chainId: bigint;
  readonly verifyingContract: Uint8Array;
}

const hashOfText = (text: string): Uint8Array => keccak256(new TextEncoder().encode(text));

const NAME = hashOfText("Assay");
const VERSION = hashOfText("1");

/** EIP-712 hashes a string into its word; ours are constants, hashed above. */
const hashedString: Field<Uint8Array> = { ...bytes32, type: "string" };
/** The domain's chainId is a uint256; ours fit 64 bits, and the word is the same. */
const chainId: Field<bigint> = { ...u64, type: "uint256" };

const domain: Struct<DomainWords> = struct("EIP712Domain", {
  name: hashedString,
  version: hashedString,
  chainId,
  verifyingContract: address,
});

export function domainSeparator(of: SigningDomain): Uint8Array {
  return domain.hash({
    name: NAME,
    version: VERSION,
    chainId: of.chainId,
    verifyingContract: of.settlement,
  });
}

/** What is signed for a struct with this hash. */
export function typedDigest(of: SigningDomain, structHash: Uint8Array): Uint8Array {
  return keccak256(concatBytes(Uint8Array.of(0x19, 0x01), domainSeparator(of), structHash));
}

/** Signs the struct with this hash. @throws {Error} if the key is not 32 bytes in 1 … n − 1. */
export function signTyped(
  privateKey: Uint8Array,
  of: SigningDomain,
  structHash: Uint8Array,
): Uint8Array {
  return signDigest(privateKey, typedDigest(of, structHash));
}

/** Who signed the struct with this hash; null if the bytes are no signature (spec/03 §3.1). */
export function recoverTyped(
  of: SigningDomain,
  structHash: Uint8Array,
  signature: Uint8Array,
): Uint8Array | null {
  return recoverAddress(typedDigest(of, structHash), signature);
}
