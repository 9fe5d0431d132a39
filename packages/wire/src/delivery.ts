/**
 * Deliveries: what the client has received of an answer so far (spec/03 §3.6). With it, and only with it, a
 * worker can have its receipt for exactly these tokens paid without a voucher.
 */

import { bytes32, u32 } from "./field.ts";
import { type Struct, struct } from "./struct.ts";

export interface Delivery {
  readonly orderHash: Uint8Array;
  readonly outputTokens: number;
  /** Over these tokens, with the salt of the acceptance. */
  readonly outputCommitment: Uint8Array;
}

export const deliveryStruct: Struct<Delivery> = struct("Delivery", {
  orderHash: bytes32,
  outputTokens: u32,
  outputCommitment: bytes32,
});

/** EIP-712's hashStruct; the client signs it. @throws {RangeError} for a delivery that has no encoding. */
export function deliveryHash(delivery: Delivery): Uint8Array {
  return deliveryStruct.hash(delivery);
}
