/**
 * Salted commitments to tokens (spec/03 §3.2), and the bytes of tokens.
 */

import { concatBytes } from "./bytes.ts";
import { HASH_BYTES, keccak256 } from "./hash.ts";
import { dataRoot } from "./merkle.ts";

const MAX_U32 = 2 ** 32 - 1;

/** u32 little-endian each. @throws {RangeError} for a token that is no u32: that is the caller's bug. */
export function tokenBytes(tokens: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * tokens.length);
  const view = new DataView(bytes.buffer);
  tokens.forEach((token, i) => {
    if (!Number.isInteger(token) || token < 0 || token > MAX_U32) {
      throw new RangeError(`${token} is no token`);
    }
    view.setUint32(4 * i, token, true);
  });
  return bytes;
}

/**
 * Commits to `tokens` with 32 random bytes. It does not bind their count: order and receipt do.
 *
 * @throws {RangeError} for a salt that is not 32 bytes or a token that is no u32.
 */
export function tokenCommitment(salt: Uint8Array, tokens: readonly number[]): Uint8Array {
  if (salt.length !== HASH_BYTES) throw new RangeError("a salt has 32 bytes");
  return keccak256(concatBytes(salt, dataRoot(tokenBytes(tokens))));
}
