/**
 * Messages of the peer protocol `/assay/rpc/2` (spec/05 §5.3): bodies of frames. Byte formats only.
 */

import { ByteReader } from "../byte-reader.ts";
import { concatBytes } from "../bytes.ts";
import { tokenBytes } from "../commitment.ts";
import { bytes32, u8Of, u16, u32 } from "../field.ts";
import { FormatError } from "../format-error.ts";
import { MAX_TEXT_BYTES, MAX_TOKENS, MAX_TOKENS_PER_MESSAGE } from "../limits.ts";
import { type Order, orderStruct } from "../order.ts";
import { type Receipt, receiptStruct } from "../receipt.ts";
import { MAX_RECEIPT_FILE_BYTES } from "../receipt-file.ts";
import { SIGNATURE_BYTES } from "../signature.ts";
import { type Voucher, voucherStruct } from "../voucher.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { decodeHello, encodeHello, type Hello } from "./hello.ts";

/** The protocol's name in stream negotiation. */
export const RPC_PROTOCOL = "/assay/rpc/2";

/** The frame types, by message. */
export const MESSAGE_TYPES = {
  hello: 1,
  offer: 2,
  accept: 3,
  refuse: 4,
  start: 5,
  tokens: 6,
  done: 7,
  fail: 8,
  cancel: 9,
  evidenceGet: 10,
  evidence: 11,
  evidencePut: 12,
  ok: 13,
  delivered: 14,
  voucher: 15,
} as const;

/** Codes of REFUSE and FAIL. A receiver takes one that it does not know as `internal`. */
export const RPC_CODES = {
  internal: 1,
  busy: 2,
  unknownProgram: 3,
  price: 4,
  channel: 5,
  invalidOrder: 6,
  deadline: 7,
  opening: 8,
  protocol: 9,
  limit: 10,
  notFound: 11,
  cancelled: 12,
  timeout: 13,
  invalidEvidence: 14,
} as const;

interface Problem {
  /** One of {@link RPC_CODES}, or one of a later version. */
  readonly code: number;
  /** For people; at most {@link MAX_TEXT_BYTES} of UTF-8. */
  readonly text: string;
}

export type Message =
  | ({ readonly type: "hello" } & Hello)
  | { readonly type: "offer"; readonly order: Order; readonly signature: Uint8Array }
  | {
      readonly type: "accept";
      readonly workerNonce: Uint8Array;
      readonly signature: Uint8Array;
      readonly outputSalt: Uint8Array;
    }
  | ({ readonly type: "refuse" } & Problem)
  | {
      readonly type: "start";
      readonly clientNonce: Uint8Array;
      readonly inputSalt: Uint8Array;
      readonly prompt: readonly number[];
    }
  | {
      readonly type: "tokens";
      readonly tokens: readonly number[];
      /** The worker waits for a DELIVERED of all tokens so far. */
      readonly acknowledge: boolean;
    }
  | {
      readonly type: "done";
      readonly receipt: Receipt;
      readonly signature: Uint8Array;
    }
  | ({ readonly type: "fail" } & Problem)
  | { readonly type: "cancel" }
  | { readonly type: "evidenceGet"; readonly receiptHash: Uint8Array }
  /** `file` is a receipt file (spec/03 §3.4), not decoded. */
  | { readonly type: "evidence" | "evidencePut"; readonly file: Uint8Array }
  | { readonly type: "ok" }
  /** `signature` is the client's, of the Delivery of the first `outputTokens` tokens (spec/03 §3.6). */
  | {
      readonly type: "delivered";
      readonly outputTokens: number;
      readonly signature: Uint8Array;
    }
  | { readonly type: "voucher"; readonly voucher: Voucher; readonly signature: Uint8Array };

const PROMPT_BOUNDS = { min: 1, max: MAX_TOKENS };
/** A yes or no in one byte. */
const flag = u8Of<0 | 1>(0, 1);
/** Without tokens it says something only if it asks for a DELIVERED of those before. */
const tokensBounds = (acknowledge: boolean) => ({
  min: acknowledge ? 0 : 1,
  max: MAX_TOKENS_PER_MESSAGE,
});

function signatureBytes(signature: Uint8Array): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError("a signature has 65 bytes");
  return signature;
}

function encodeTokens(tokens: readonly number[], { min, max }: { min: number; max: number }) {
  if (tokens.length < min || tokens.length > max) throw new RangeError(`${tokens.length} tokens`);
  return concatBytes(u32.encode(tokens.length), tokenBytes(tokens));
}

function encodeProblem({ code, text }: Problem): Uint8Array {
  const utf8 = new TextEncoder().encode(text);
  if (!text.isWellFormed()) throw new RangeError("the text has a lone surrogate");
  if (utf8.length > MAX_TEXT_BYTES) throw new RangeError(`a text of ${utf8.length} bytes`);
  return concatBytes(u16.encode(code), u16.encode(utf8.length), utf8);
}

function encodeFile(file: Uint8Array): Uint8Array {
  if (file.length > MAX_RECEIPT_FILE_BYTES) throw new RangeError(`a file of ${file.length} bytes`);
  return file;
}

function encodeBody(message: Message): Uint8Array {
  switch (message.type) {
    case "hello":
      return encodeHello(message);
    case "offer":
      return concatBytes(orderStruct.encode(message.order), signatureBytes(message.signature));
    case "accept":
      return concatBytes(
        bytes32.encode(message.workerNonce),
        signatureBytes(message.signature),
        bytes32.encode(message.outputSalt),
      );
    case "start":
      return concatBytes(
        bytes32.encode(message.clientNonce),
        bytes32.encode(message.inputSalt),
        encodeTokens(message.prompt, PROMPT_BOUNDS),
      );
    case "tokens":
      return concatBytes(
        flag.encode(message.acknowledge ? 1 : 0),
        encodeTokens(message.tokens, tokensBounds(message.acknowledge)),
      );
    case "done":
      return concatBytes(receiptStruct.encode(message.receipt), signatureBytes(message.signature));
    case "delivered":
      return concatBytes(u32.encode(message.outputTokens), signatureBytes(message.signature));
    case "voucher":
      return concatBytes(voucherStruct.encode(message.voucher), signatureBytes(message.signature));
    case "refuse":
    case "fail":
      return encodeProblem(message);
    case "evidenceGet":
      return bytes32.encode(message.receiptHash);
    case "evidence":
    case "evidencePut":
      return encodeFile(message.file);
    case "cancel":
    case "ok":
      return new Uint8Array(0);
  }
}

/**
 * The frame of `message`.
 *
 * @throws {RangeError} for a message that no decoder would accept: that is the caller's bug.
 */
export function encodeMessage(requestId: number, message: Message): Uint8Array {
  return encodeFrame({ type: MESSAGE_TYPES[message.type], requestId, body: encodeBody(message) });
}

function readProblem(reader: ByteReader): Problem {
  const code = reader.u16("code");
  const length = reader.u16("text");
  if (length > MAX_TEXT_BYTES) {
    throw new FormatError({
      code: "FORMAT_COUNT",
      format: reader.format,
      field: "text",
      actual: length,
      min: 0,
      max: MAX_TEXT_BYTES,
    });
  }
  const utf8 = reader.bytes(length, "text");
  try {
    return { code, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(utf8) };
  } catch {
    throw new FormatError({ code: "FORMAT_TEXT", format: reader.format, field: "text" });
  }
}

function readFile(reader: ByteReader): Uint8Array {
  const file = reader.rest();
  if (file.length > MAX_RECEIPT_FILE_BYTES) {
    throw new FormatError({
      code: "FORMAT_TOO_LONG",
      format: reader.format,
      actual: file.length,
      max: MAX_RECEIPT_FILE_BYTES,
    });
  }
  return file;
}

const signatureOf = (reader: ByteReader): Uint8Array => reader.bytes(SIGNATURE_BYTES, "signature");

type BodyReader = (reader: ByteReader) => Message;

/** By frame type; the order of the properties is the order of the bytes. */
const READERS: ReadonlyMap<number, readonly [name: string, read: BodyReader]> = new Map<
  number,
  readonly [string, BodyReader]
>([
  [MESSAGE_TYPES.hello, ["HELLO", (r) => ({ type: "hello", ...decodeHello(r) })]],
  [
    MESSAGE_TYPES.offer,
    ["OFFER", (r) => ({ type: "offer", order: orderStruct.decode(r), signature: signatureOf(r) })],
  ],
  [
    MESSAGE_TYPES.accept,
    [
      "ACCEPT",
      (r) => ({
        type: "accept",
        workerNonce: bytes32.decode(r, "workerNonce"),
        signature: signatureOf(r),
        outputSalt: bytes32.decode(r, "outputSalt"),
      }),
    ],
  ],
  [MESSAGE_TYPES.refuse, ["REFUSE", (r) => ({ type: "refuse", ...readProblem(r) })]],
  [
    MESSAGE_TYPES.start,
    [
      "START",
      (r) => ({
        type: "start",
        clientNonce: bytes32.decode(r, "clientNonce"),
        inputSalt: bytes32.decode(r, "inputSalt"),
        prompt: r.u32List("prompt", PROMPT_BOUNDS),
      }),
    ],
  ],
  [
    MESSAGE_TYPES.tokens,
    [
      "TOKENS",
      (r) => {
        const acknowledge = flag.decode(r, "acknowledge") === 1;
        const tokens = r.u32List("tokens", tokensBounds(acknowledge));
        return { type: "tokens", acknowledge, tokens };
      },
    ],
  ],
  [
    MESSAGE_TYPES.done,
    [
      "DONE",
      (r) => ({
        type: "done",
        receipt: receiptStruct.decode(r),
        signature: signatureOf(r),
      }),
    ],
  ],
  [MESSAGE_TYPES.fail, ["FAIL", (r) => ({ type: "fail", ...readProblem(r) })]],
  [MESSAGE_TYPES.cancel, ["CANCEL", () => ({ type: "cancel" })]],
  [
    MESSAGE_TYPES.evidenceGet,
    [
      "EVIDENCE_GET",
      (r) => ({ type: "evidenceGet", receiptHash: bytes32.decode(r, "receiptHash") }),
    ],
  ],
  [MESSAGE_TYPES.evidence, ["EVIDENCE", (r) => ({ type: "evidence", file: readFile(r) })]],
  [
    MESSAGE_TYPES.evidencePut,
    ["EVIDENCE_PUT", (r) => ({ type: "evidencePut", file: readFile(r) })],
  ],
  [MESSAGE_TYPES.ok, ["OK", () => ({ type: "ok" })]],
  [
    MESSAGE_TYPES.delivered,
    [
      "DELIVERED",
      (r) => ({
        type: "delivered",
        outputTokens: r.u32("outputTokens"),
        signature: signatureOf(r),
      }),
    ],
  ],
  [
    MESSAGE_TYPES.voucher,
    [
      "VOUCHER",
      (r) => ({ type: "voucher", voucher: voucherStruct.decode(r), signature: signatureOf(r) }),
    ],
  ],
]);

/** The message in a frame. @throws {FormatError} for anything that {@link encodeMessage} would not have written. */
export function decodeMessage({ type, body }: Frame): Message {
  const entry = READERS.get(type);
  if (entry === undefined) {
    throw new FormatError({ code: "FORMAT_TYPE", format: "message", actual: type });
  }
  const [name, read] = entry;
  const reader = new ByteReader(body, name);
  const message = read(reader);
  reader.end();
  return message;
}
