/** Trace roots (spec/02 §2.7): what a run of a program did, position by position and block by block. */

import {
  concatBytes,
  type DataHasher,
  dataRoot,
  HASH_BYTES,
  keccak256,
  merkleRoot,
} from "@assay/wire";

const DOMAIN = new TextEncoder().encode("assay/trace/1");

/**
 * leaf(p, b): what block b left at position p.
 *
 * @param state the block's state row
 * @param kv the rows that the block's appends wrote, in operator order; empty if it appends nothing
 */
export function traceLeaf(state: Int32Array, kv: Int16Array, hasher?: DataHasher): Uint8Array {
  const stateBytes = new Uint8Array(4 * state.length);
  const stateView = new DataView(stateBytes.buffer);
  state.forEach((value, i) => {
    stateView.setInt32(4 * i, value, true);
  });
  const kvBytes = new Uint8Array(2 * kv.length);
  const kvView = new DataView(kvBytes.buffer);
  kv.forEach((value, i) => {
    kvView.setInt16(2 * i, value, true);
  });
  const kvRoot = kv.length === 0 ? new Uint8Array(HASH_BYTES) : dataRoot(kvBytes, hasher);
  return keccak256(concatBytes(dataRoot(stateBytes, hasher), kvRoot));
}

/** position(p): one root over the leaves of the program's blocks, in order. */
export function tracePosition(leaves: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(leaves);
}

/**
 * The trace root over the roots of all processed positions.
 *
 * @param blocks the program's number of blocks
 */
export function traceRoot(positions: readonly Uint8Array[], blocks: number): Uint8Array {
  const counts = new Uint8Array(8);
  const view = new DataView(counts.buffer);
  view.setUint32(0, positions.length);
  view.setUint32(4, blocks);
  return keccak256(concatBytes(DOMAIN, counts, merkleRoot(positions)));
}
