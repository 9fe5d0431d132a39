/**
 * Receipt files: a receipt with what it takes to check it offline (spec/03 §3.4).
 *
 * They arrive from strangers. The decoder bounds every count and the length before it allocates,
 * accepts exactly one encoding per value, and no trailing bytes. Whether what it holds is true is
 * the verifier's to say.
 */

import { ByteReader } from "./byte-reader.ts";
import { concatBytes, equalBytes } from "./bytes.ts";
import { tokenBytes } from "./commitment.ts";
import type { SigningDomain } from "./eip712.ts";
import { address, bytes32, littleEndian, u16, u32, u64 } from "./field.ts";
import { FormatError } from "./format-error.ts";
import { HASH_BYTES } from "./hash.ts";
import { MAX_TOKENS } from "./limits.ts";
import { type Order, orderStruct } from "./order.ts";
import { type Receipt, receiptStruct } from "./receipt.ts";
import { SIGNATURE_BYTES } from "./signature.ts";

/** Signatures have 65 bytes, nonces and salts 32. */
export interface ReceiptFile {
  readonly domain: SigningDomain;
  readonly order: Order;
  readonly orderSignature: Uint8Array;
  readonly workerNonce: Uint8Array;
  readonly acceptanceSignature: Uint8Array;
  readonly receipt: Receipt;
  readonly receiptSignature: Uint8Array;
  readonly inputSalt: Uint8Array;
  readonly outputSalt: Uint8Array;
  readonly clientNonce: Uint8Array;
  readonly prompt: readonly number[];
  readonly output: readonly number[];
}

const FORMAT = "receipt file";
const MAGIC = new TextEncoder().encode("ASSAYRCT");
const VERSION = 2;
const COUNTS = { min: 0, max: MAX_TOKENS };

/** A file without tokens. */
const FIXED_BYTES =
  MAGIC.length +
  u16.size +
  u64.size +
  address.size +
  orderStruct.size +
  receiptStruct.size +
  3 * SIGNATURE_BYTES +
  4 * HASH_BYTES +
  2 * u32.size;

/** The largest file there is. */
export const MAX_RECEIPT_FILE_BYTES: number = FIXED_BYTES + 2 * u32.size * MAX_TOKENS;

function checkedLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length)
    throw new RangeError(`expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function tokenList(tokens: readonly number[]): Uint8Array {
  if (tokens.length > MAX_TOKENS) throw new RangeError(`more than ${MAX_TOKENS} tokens`);
  return concatBytes(littleEndian(tokens.length, u32.size), tokenBytes(tokens));
}

/**
 * {@link decodeReceiptFile} is its exact inverse.
 *
 * @throws {RangeError} for a file that no decoder would accept: that is the caller's bug.
 */
export function encodeReceiptFile(file: ReceiptFile): Uint8Array {
  return concatBytes(
    MAGIC,
    u16.encode(VERSION),
    u64.encode(file.domain.chainId),
    address.encode(file.domain.settlement),
    orderStruct.encode(file.order),
    checkedLength(file.orderSignature, SIGNATURE_BYTES),
    bytes32.encode(file.workerNonce),
    checkedLength(file.acceptanceSignature, SIGNATURE_BYTES),
    receiptStruct.encode(file.receipt),
    checkedLength(file.receiptSignature, SIGNATURE_BYTES),
    bytes32.encode(file.inputSalt),
    bytes32.encode(file.outputSalt),
    bytes32.encode(file.clientNonce),
    tokenList(file.prompt),
    tokenList(file.output),
  );
}

function readPreamble(reader: ByteReader): SigningDomain {
  if (!equalBytes(reader.bytes(MAGIC.length, "magic"), MAGIC)) {
    throw new FormatError({ code: "FORMAT_MAGIC", format: FORMAT });
  }
  const version = reader.u16("version");
  if (version !== VERSION) {
    throw new FormatError({ code: "FORMAT_VERSION", format: FORMAT, actual: version });
  }
  return {
    chainId: u64.decode(reader, "chainId"),
    settlement: address.decode(reader, "settlement"),
  };
}

/** @throws {FormatError} for anything that {@link encodeReceiptFile} would not have written. */
export function decodeReceiptFile(bytes: Uint8Array): ReceiptFile {
  if (bytes.length > MAX_RECEIPT_FILE_BYTES) {
    throw new FormatError({
      code: "FORMAT_TOO_LONG",
      format: FORMAT,
      actual: bytes.length,
      max: MAX_RECEIPT_FILE_BYTES,
    });
  }
  const reader = new ByteReader(bytes, FORMAT);
  const domain = readPreamble(reader);
  const file = {
    domain,
    order: orderStruct.decode(reader),
    orderSignature: reader.bytes(SIGNATURE_BYTES, "order signature"),
    workerNonce: bytes32.decode(reader, "workerNonce"),
    acceptanceSignature: reader.bytes(SIGNATURE_BYTES, "acceptance signature"),
    receipt: receiptStruct.decode(reader),
    receiptSignature: reader.bytes(SIGNATURE_BYTES, "receipt signature"),
    inputSalt: bytes32.decode(reader, "inputSalt"),
    outputSalt: bytes32.decode(reader, "outputSalt"),
    clientNonce: bytes32.decode(reader, "clientNonce"),
    prompt: reader.u32List("prompt", COUNTS),
    output: reader.u32List("output", COUNTS),
  };
  reader.end();
  return file;
}
