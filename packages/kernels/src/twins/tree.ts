/** Merkle trees and trace leaves (spec/02 §2.1, §2.7) over hashes that the caller gives. */

type Hash = (bytes: Uint8Array) => Uint8Array;

export interface Hashes {
  readonly sha256: Hash;
  readonly keccak256: Hash;
}

function pair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return Uint8Array.from([...left, ...right]);
}

export function merkle(leaves: readonly Uint8Array[], keccak256: Hash): Uint8Array {
  const [first] = leaves;
  if (first === undefined) throw new RangeError("a tree has a leaf");
  if (leaves.length === 1) return first;
  const size = 2 ** Math.ceil(Math.log2(leaves.length));
  const child = (i: number): Uint8Array => leaves[i] ?? new Uint8Array(32);
  const parents = Array.from({ length: size / 2 }, (_, i) =>
    keccak256(pair(child(2 * i), child(2 * i + 1))),
  );
  return merkle(parents, keccak256);
}

function dataRoot(bytes: Uint8Array, hashes: Hashes): Uint8Array {
  const chunks = Math.max(1, Math.ceil(bytes.length / 1024));
  const leaves = Array.from({ length: chunks }, (_, i) =>
    hashes.sha256(bytes.subarray(1024 * i, 1024 * (i + 1))),
  );
  return merkle(leaves, hashes.keccak256);
}

export function traceLeaf(state: Uint8Array, kv: Uint8Array, hashes: Hashes): Uint8Array {
  const kvRoot = kv.length === 0 ? new Uint8Array(32) : dataRoot(kv, hashes);
  return hashes.keccak256(pair(dataRoot(state, hashes), kvRoot));
}
