/**
 * Wire: bytes, Merkle trees, protocol constants and every byte format that crosses a trust boundary.
 *
 * Types derive from codecs, so a type is written once.
 * Does not own: what the bytes mean to a program (model), whether a claim holds (verifier), or any I/O.
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export {
  bytesToHex,
  concatBytes,
  equalBytes,
  HexError,
  type HexErrorDetail,
  hexToBytes,
} from "./bytes.ts";
export { CodedError, type ErrorDetail } from "./coded-error.ts";
export { type DataHasher, HASH_BYTES, keccak256, sha256 } from "./hash.ts";
export {
  DATA_CHUNK_BYTES,
  dataLeaves,
  dataRoot,
  merkleDepth,
  merkleProof,
  merkleRoot,
  verifyMerkleProof,
} from "./merkle.ts";
