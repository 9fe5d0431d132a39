/**
 * Acceptances: the worker takes an order and fixes its nonce (spec/03 §3.3).
 */

import { bytes32 } from "./field.ts";
import { type Struct, struct } from "./struct.ts";

export interface Acceptance {
  readonly orderHash: Uint8Array;
  /** 32 random bytes of the worker, in clear. */
  readonly workerNonce: Uint8Array;
}

export const acceptanceStruct: Struct<Acceptance> = struct("Acceptance", {
  orderHash: bytes32,
  workerNonce: bytes32,
});

/** EIP-712's hashStruct. @throws {RangeError} for an acceptance that has no encoding. */
export function acceptanceHash(acceptance: Acceptance): Uint8Array {
  return acceptanceStruct.hash(acceptance);
}
