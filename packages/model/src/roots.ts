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

/** `dataRoot` of spec/02 §2.1, by whatever means. */
export type RootOfData = (bytes: Uint8Array) => Uint8Array;

const DOMAIN = new TextEncoder().encode("assay/program/1");

/**
 * The roots of a program. Reads every weight once: seconds for a large program.
 *
 * @param rootOfData a faster `dataRoot`, where there is one
 */
export function programRoots(program: Program, rootOfData: RootOfData = dataRoot): ProgramRoots {
  const { tensors, assets } = program;
  const headHash = keccak256(encodeHead(program));
  const opsRoot = merkleRoot(
    program.operators.map((operator) => keccak256(encodeRecord(operator))),
  );
  const tensorsRoot = merkleRoot(
    tensors.map((tensor) =>
      keccak256(concatBytes(encodeTensorDescriptor(tensor), rootOfData(encodeTensorData(tensor)))),
    ),
  );
  const assetsRoot =
    assets.length === 0
      ? new Uint8Array(HASH_BYTES)
      : merkleRoot(
          assets.map((asset) =>
            keccak256(concatBytes(encodeAssetDescriptor(asset), rootOfData(asset.data))),
          ),
        );
  const programRoot = keccak256(concatBytes(DOMAIN, headHash, opsRoot, tensorsRoot, assetsRoot));
  return { headHash, opsRoot, tensorsRoot, assetsRoot, programRoot };
}

/** The root that names `program` (spec/02 §2.6), 32 bytes. */
export function programRoot(program: Program, rootOfData?: RootOfData): Uint8Array {
  return programRoots(program, rootOfData).programRoot;
}
