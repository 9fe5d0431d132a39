/**
 * Merkle trees (spec/02 §2.1): leaves padded with 32 zero bytes to a power of two, nodes keccak256(left ‖ right).
 *
 * A root does not bind how many leaves it has; whoever compares roots binds the count beside it.
 */

import { type DataHasher, HASH_BYTES, keccak256, sha256 } from "./hash.ts";

/** spec/02 §2.1: the part of the data that one leaf covers. */
export const DATA_CHUNK_BYTES = 1024;

const ZERO = new Uint8Array(HASH_BYTES);

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(left);
  pair.set(right, HASH_BYTES);
  return keccak256(pair);
}

/** One level up. An odd level is one whose missing last leaf is `padding`, the root of an empty subtree. */
function parents(level: readonly Uint8Array[], padding: Uint8Array): Uint8Array[] {
  const up: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    up.push(node(level[i] ?? padding, level[i + 1] ?? padding));
  }
  return up;
}

/** Siblings on the way from a leaf of a tree of `count` to its root. */
export function merkleDepth(count: number): number {
  let depth = 0;
  while (2 ** depth < count) depth++;
  return depth;
}

function climb(leaves: readonly Uint8Array[], index: number, siblings: Uint8Array[]): Uint8Array {
  const first = leaves[0];
  if (first === undefined) throw new RangeError("a Merkle tree has at least one leaf");
  if (leaves.some((leaf) => leaf.length !== HASH_BYTES)) throw new RangeError("a leaf is 32 bytes");
  let level = leaves;
  let padding: Uint8Array = ZERO;
  for (let at = index; level.length > 1; at = Math.floor(at / 2)) {
    siblings.push(level[at % 2 === 0 ? at + 1 : at - 1] ?? padding);
    level = parents(level, padding);
    padding = node(padding, padding);
  }
  return level[0] ?? first;
}

/** @throws {RangeError} if there is no leaf, or one that is not 32 bytes: that is our bug. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return climb(leaves, 0, []);
}

/**
 * The siblings from leaf `index` to the root, lowest first.
 *
 * @throws {RangeError} if there is no such leaf: that is our bug.
 */
export function merkleProof(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
    throw new RangeError(`there is no leaf ${index} among ${leaves.length}`);
  }
  const siblings: Uint8Array[] = [];
  climb(leaves, index, siblings);
  return siblings;
}

/** Whether `leaf` is number `index` of the `count` leaves under `root`. False for malformed proofs, never throws. */
export function verifyMerkleProof(
  root: Uint8Array,
  leaf: Uint8Array,
  index: number,
  count: number,
  proof: readonly Uint8Array[],
): boolean {
  if (!Number.isSafeInteger(count) || !Number.isInteger(index)) return false;
  if (index < 0 || index >= count || proof.length !== merkleDepth(count)) return false;
  let hash = leaf;
  let at = index;
  for (const sibling of proof) {
    if (hash.length !== HASH_BYTES || sibling.length !== HASH_BYTES) return false;
    hash = at % 2 === 0 ? node(hash, sibling) : node(sibling, hash);
    at = Math.floor(at / 2);
  }
  return (
    root.length === HASH_BYTES && hash.length === HASH_BYTES && root.every((b, i) => b === hash[i])
  );
}

/** SHA-256 of each 1024-byte chunk of `bytes`, the last of which may be shorter; empty data has one empty chunk. */
export function dataLeaves(bytes: Uint8Array, hasher: DataHasher = sha256): Uint8Array[] {
  const leaves = [hasher(bytes.subarray(0, DATA_CHUNK_BYTES))];
  for (let at = DATA_CHUNK_BYTES; at < bytes.length; at += DATA_CHUNK_BYTES) {
    leaves.push(hasher(bytes.subarray(at, at + DATA_CHUNK_BYTES)));
  }
  return leaves;
}

/** The root of `bytes` (spec/02 §2.1). It does not bind their length: the descriptor beside it does. */
export function dataRoot(bytes: Uint8Array, hasher: DataHasher = sha256): Uint8Array {
  return merkleRoot(dataLeaves(bytes, hasher));
}
