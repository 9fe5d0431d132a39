/** Program roots (spec/02 §2.6): 32 bytes that name everything a program is. */

import { concatBytes, dataRoot, HASH_BYTES, keccak256, merkleRoot } from "@assay/wire";
import {
  encodeAssetDescriptor,
  encodeHead,
  encodeTensorData,
  encodeTensorDescriptor,
} from "./codec.ts";
import type { Program } from "./program.ts";
import { encodeRecord } from "./record.ts";

/** The five hashes that the program root is made of, for those who open parts of it. */
export interface ProgramRoots {
  readonly headHash: Uint8Array;
  readonly opsRoot: Uint8Array;
  readonly tensorsRoot: Uint8Array;
  readonly assetsRoot: Uint8Array;
  readonly programRoot: Uint8Array;
}

/** The functions of spec/02 §2.1, by whatever means. */
export interface RootHashing {
  keccak256(bytes: Uint8Array): Uint8Array;
  merkleRoot(leaves: readonly Uint8Array[]): Uint8Array;
  dataRoot(bytes: Uint8Array): Uint8Array;
}

const PLAIN: RootHashing = { keccak256, merkleRoot, dataRoot };
const DOMAIN = new TextEncoder().encode("assay/program/1");

/**
 * The roots of a program. Reads every weight once: seconds for a large program.
 *
 * @param hashing faster functions, where there are some
 */
export function programRoots(program: Program, hashing: RootHashing = PLAIN): ProgramRoots {
  const { tensors, assets } = program;
  const keccak256 = (bytes: Uint8Array) => hashing.keccak256(bytes);
  const headHash = keccak256(encodeHead(program));
  const opsRoot = hashing.merkleRoot(
    program.operators.map((operator) => keccak256(encodeRecord(operator))),
  );
  const tensorsRoot = hashing.merkleRoot(
    tensors.map((tensor) =>
      keccak256(
        concatBytes(encodeTensorDescriptor(tensor), hashing.dataRoot(encodeTensorData(tensor))),
      ),
    ),
  );
  const assetsRoot =
    assets.length === 0
      ? new Uint8Array(HASH_BYTES)
      : hashing.merkleRoot(
          assets.map((asset) =>
            keccak256(concatBytes(encodeAssetDescriptor(asset), hashing.dataRoot(asset.data))),
          ),
        );
  const programRoot = keccak256(concatBytes(DOMAIN, headHash, opsRoot, tensorsRoot, assetsRoot));
  return { headHash, opsRoot, tensorsRoot, assetsRoot, programRoot };
}

/** The root that names `program` (spec/02 §2.6), 32 bytes. */
export function programRoot(program: Program, hashing?: RootHashing): Uint8Array {
  return programRoots(program, hashing).programRoot;
}
