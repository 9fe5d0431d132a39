/**
 * Vouchers: what a client owes a worker for all its orders below a sequence, once it has their receipts
 * (spec/03 §3.6). Cumulative over the life of their channel: a later one replaces those before.
 */

import { address, u64, u128 } from "./field.ts";
import { type Struct, struct } from "./struct.ts";

export interface Voucher {
  readonly client: Uint8Array;
  readonly worker: Uint8Array;
  /** Orders of this channel with a smaller sequence are settled. */
  readonly settledBelow: bigint;
  /** Token base units, for the whole life of the channel. */
  readonly amount: bigint;
}

export const voucherStruct: Struct<Voucher> = struct("Voucher", {
  client: address,
  worker: address,
  settledBelow: u64,
  amount: u128,
});

/** EIP-712's hashStruct; the client signs it. @throws {RangeError} for a voucher that has no encoding. */
export function voucherHash(voucher: Voucher): Uint8Array {
  return voucherStruct.hash(voucher);
}
