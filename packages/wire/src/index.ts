/**
 * Wire: bytes, Merkle trees, protocol constants and every byte format that crosses a trust boundary.
 *
 * Types derive from codecs, so a type is written once.
 * Does not own: what the bytes mean to a program (model), whether a claim holds (verifier), or any I/O.
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { type Acceptance, acceptanceHash, acceptanceStruct } from "./acceptance.ts";
export { ByteReader } from "./byte-reader.ts";
export {
  bytesToHex,
  concatBytes,
  equalBytes,
  HexError,
  type HexErrorDetail,
  hexToBytes,
} from "./bytes.ts";
export { CodedError, type ErrorDetail } from "./coded-error.ts";
export { tokenBytes, tokenCommitment } from "./commitment.ts";
export { type Delivery, deliveryHash, deliveryStruct } from "./delivery.ts";
export {
  domainSeparator,
  recoverTyped,
  type SigningDomain,
  signTyped,
  typedDigest,
} from "./eip712.ts";
export { ADDRESS_BYTES } from "./field.ts";
export { FormatError, type FormatErrorDetail } from "./format-error.ts";
export { type DataHasher, HASH_BYTES, keccak256, sha256 } from "./hash.ts";
export {
  MAX_BODY_BYTES,
  MAX_HELLO_PROGRAMS,
  MAX_INV_TEMPERATURE,
  MAX_SEQUENCE,
  MAX_TEXT_BYTES,
  MAX_TOKENS,
  MAX_TOKENS_PER_MESSAGE,
  MAX_UNDELIVERED,
  TOP_P_ONE,
} from "./limits.ts";
export {
  DATA_CHUNK_BYTES,
  dataLeaves,
  dataRoot,
  merkleDepth,
  merkleProof,
  merkleRoot,
  verifyMerkleProof,
} from "./merkle.ts";
export {
  largestPrice,
  type Order,
  type OrderFault,
  orderFault,
  orderHash,
  orderStruct,
  priceOf,
  type Sampling,
  type SeedSource,
} from "./order.ts";
export {
  FINISH_REASONS,
  type FinishReason,
  type Receipt,
  receiptHash,
  receiptStruct,
} from "./receipt.ts";
export {
  decodeReceiptFile,
  encodeReceiptFile,
  MAX_RECEIPT_FILE_BYTES,
  type ReceiptFile,
} from "./receipt-file.ts";
export {
  createFrameDecoder,
  encodeFrame,
  FRAME_HEADER_BYTES,
  type Frame,
  type FrameDecoder,
} from "./rpc/frame.ts";
export { type Hello, type ProgramOffer, ROLES, signHello, verifyHello } from "./rpc/hello.ts";
export {
  decodeMessage,
  encodeMessage,
  MESSAGE_TYPES,
  type Message,
  RPC_CODES,
  RPC_PROTOCOL,
} from "./rpc/message.ts";
export { MIN_TEMPERATURE, samplingFor } from "./sampling.ts";
export { choiceSeed, type Nonces, nonceHash, orderSeed } from "./seed.ts";
export { addressOf, recoverAddress, SIGNATURE_BYTES, signDigest } from "./signature.ts";
export type { Struct } from "./struct.ts";
export { type Voucher, voucherHash, voucherStruct } from "./voucher.ts";
