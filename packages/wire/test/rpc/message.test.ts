import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytesToHex,
  concatBytes,
  createFrameDecoder,
  decodeMessage,
  encodeMessage,
  encodeReceiptFile,
  FormatError,
  type Frame,
  MAX_RECEIPT_FILE_BYTES,
  MAX_TEXT_BYTES,
  MAX_TOKENS,
  MAX_TOKENS_PER_MESSAGE,
  MESSAGE_TYPES,
  type Message,
} from "../../src/index.ts";
import {
  anyAddress,
  anyAmount,
  anyHash,
  anyOrder,
  anyReceipt,
  anySignature,
  anyTokens,
  filled,
  sampleFile,
  sampleOrder,
  sampleReceipt,
} from "../sample.ts";

const anyCode = fc.nat({ max: 65_535 });
const anyText = fc
  .string({ unit: "grapheme", maxLength: 60 })
  .filter((text) => new TextEncoder().encode(text).length <= MAX_TEXT_BYTES);

const anyOf: { readonly [K in Message["type"]]: fc.Arbitrary<Message> } = {
  hello: fc.record({
    type: fc.constant("hello" as const),
    address: anyAddress,
    roles: fc.nat({ max: 7 }),
    programs: fc.uniqueArray(
      fc.record({ programRoot: anyHash, promptPrice: anyAmount, outputPrice: anyAmount }),
      { maxLength: 64, selector: ({ programRoot }) => bytesToHex(programRoot) },
    ),
    freeSlots: anyCode,
    signature: anySignature,
  }),
  offer: fc.record({
    type: fc.constant("offer" as const),
    order: anyOrder,
    signature: anySignature,
  }),
  accept: fc.record({
    type: fc.constant("accept" as const),
    workerNonce: anyHash,
    signature: anySignature,
    outputSalt: anyHash,
  }),
  refuse: fc.record({ type: fc.constant("refuse" as const), code: anyCode, text: anyText }),
  start: fc.record({
    type: fc.constant("start" as const),
    clientNonce: anyHash,
    inputSalt: anyHash,
    prompt: anyTokens(30, 1),
  }),
  tokens: fc.record({
    type: fc.constant("tokens" as const),
    tokens: anyTokens(30, 1),
    acknowledge: fc.boolean(),
  }),
  done: fc.record({
    type: fc.constant("done" as const),
    receipt: anyReceipt,
    signature: anySignature,
  }),
  fail: fc.record({ type: fc.constant("fail" as const), code: anyCode, text: anyText }),
  cancel: fc.constant({ type: "cancel" }),
  evidenceGet: fc.record({ type: fc.constant("evidenceGet" as const), receiptHash: anyHash }),
  evidence: fc.record({ type: fc.constant("evidence" as const), file: fc.uint8Array() }),
  evidencePut: fc.record({ type: fc.constant("evidencePut" as const), file: fc.uint8Array() }),
  ok: fc.constant({ type: "ok" }),
  delivered: fc.record({
    type: fc.constant("delivered" as const),
    outputTokens: fc.nat({ max: 2 ** 32 - 1 }),
    signature: anySignature,
  }),
  voucher: fc.record({
    type: fc.constant("voucher" as const),
    voucher: fc.record({
      client: anyAddress,
      worker: anyAddress,
      settledBelow: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      amount: anyAmount,
    }),
    signature: anySignature,
  }),
};
const anyMessage = fc.oneof(...Object.values(anyOf));

function frameOf(message: Message): Frame {
  const [frame] = createFrameDecoder().push(encodeMessage(1, message));
  if (frame === undefined) throw new Error("no frame");
  return frame;
}

const withBody = (type: keyof typeof MESSAGE_TYPES, ...parts: readonly Uint8Array[]): Frame => ({
  type: MESSAGE_TYPES[type],
  requestId: 1,
  body: concatBytes(...parts),
});

const zeros = (length: number): Uint8Array => new Uint8Array(length);
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

describe("messages (spec/05 §5.3)", () => {
  test.each(Object.entries(anyOf))("%s: decoding inverts encoding", (_type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, fc.nat({ max: 2 ** 32 - 1 }), (message, requestId) => {
        const [frame] = createFrameDecoder().push(encodeMessage(requestId, message));
        expect(frame?.requestId).toBe(requestId);
        expect(decodeMessage(frameOf(message))).toEqual(message);
      }),
      { numRuns: 50 },
    );
  });

  test("any body of any type is either the one encoding of a message or refused", () => {
    const mutated = fc
      .tuple(anyMessage, fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 3 }))
      .map(([message, at, byte, cut]) => {
        const { type, requestId, body } = frameOf(message);
        const changed = body.slice(0, body.length - cut);
        if (changed.length > 0) changed[at % changed.length] = byte;
        return { type, requestId, body: changed };
      });
    const random = fc.record({
      type: fc.nat({ max: 20 }),
      requestId: fc.constant(1),
      body: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.oneof(random, mutated), (frame) => {
        try {
          expect(frameOf(decodeMessage(frame))).toEqual(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  const program = { programRoot: filled(32, 1), promptPrice: 2n, outputPrice: 3n };
  const hello: Message = {
    type: "hello",
    address: filled(20, 4),
    roles: 5,
    programs: [program],
    freeSlots: 0x0607,
    signature: filled(65, 8),
  };

  test.each<[string, Message, number, string]>([
    [
      "HELLO",
      hello,
      1,
      `${"04".repeat(20)}05${"01"}${"01".repeat(32)}02${"00".repeat(15)}03${"00".repeat(15)}0706${"08".repeat(65)}`,
    ],
    [
      "ACCEPT",
      {
        type: "accept",
        workerNonce: filled(32, 1),
        signature: filled(65, 2),
        outputSalt: filled(32, 3),
      },
      3,
      `${"01".repeat(32)}${"02".repeat(65)}${"03".repeat(32)}`,
    ],
    ["REFUSE", { type: "refuse", code: 2, text: "né" }, 4, "020003006ec3a9"],
    [
      "START",
      { type: "start", clientNonce: filled(32, 1), inputSalt: filled(32, 2), prompt: [3, 4] },
      5,
      `${"01".repeat(32)}${"02".repeat(32)}020000000300000004000000`,
    ],
    ["TOKENS", { type: "tokens", tokens: [258], acknowledge: true }, 6, "010100000002010000"],
    ["FAIL", { type: "fail", code: 258, text: "" }, 8, "02010000"],
    ["CANCEL", { type: "cancel" }, 9, ""],
    ["EVIDENCE_GET", { type: "evidenceGet", receiptHash: filled(32, 9) }, 10, "09".repeat(32)],
    ["EVIDENCE", { type: "evidence", file: bytes(1, 2) }, 11, "0102"],
    ["EVIDENCE_PUT", { type: "evidencePut", file: bytes(3) }, 12, "03"],
    ["OK", { type: "ok" }, 13, ""],
    [
      "DELIVERED",
      { type: "delivered", outputTokens: 258, signature: filled(65, 2) },
      14,
      `02010000${"02".repeat(65)}`,
    ],
    [
      "VOUCHER",
      {
        type: "voucher",
        voucher: {
          client: filled(20, 1),
          worker: filled(20, 2),
          settledBelow: 258n,
          amount: 772n,
        },
        signature: filled(65, 3),
      },
      15,
      `${"01".repeat(20)}${"02".repeat(20)}02010000000000000403${"00".repeat(14)}${"03".repeat(65)}`,
    ],
  ])("%s lies as the table says", (_name, message, type, body) => {
    const frame = frameOf(message);
    expect(frame.type).toBe(type);
    expect(bytesToHex(frame.body)).toBe(body);
  });

  test("order and receipt lie in OFFER and DONE as in the receipt file", () => {
    const file = encodeReceiptFile(sampleFile);
    const offer: Message = { type: "offer", order: sampleOrder, signature: filled(65, 0x22) };
    expect(frameOf(offer).body).toEqual(file.slice(38, 344));
    const done: Message = {
      type: "done",
      receipt: sampleReceipt,
      signature: filled(65, 0x25),
    };
    expect(frameOf(done).body).toEqual(file.slice(441, 751));
  });

  const twoRoots = concatBytes(filled(32, 1), zeros(32), filled(32, 1), zeros(32));
  test.each([
    ["an unknown type", { type: 16, requestId: 1, body: zeros(0) }, "FORMAT_TYPE"],
    ["type 0", { type: 0, requestId: 1, body: zeros(0) }, "FORMAT_TYPE"],
    ["a role that is none", withBody("hello", zeros(20), bytes(8, 0), zeros(67)), "FORMAT_VALUE"],
    [
      "a program too many",
      withBody("hello", zeros(20), bytes(0, 65), zeros(65 * 64 + 67)),
      "FORMAT_COUNT",
    ],
    [
      "a program twice",
      withBody("hello", zeros(20), bytes(0, 2), twoRoots, zeros(67)),
      "FORMAT_DUPLICATE",
    ],
    ["a prompt without tokens", withBody("start", zeros(64), zeros(4)), "FORMAT_COUNT"],
    [
      "a prompt that is too long",
      withBody("start", zeros(64), bytes(1, 0x40, 0, 0)),
      "FORMAT_COUNT",
    ],
    ["no tokens", withBody("tokens", zeros(5)), "FORMAT_COUNT"],
    ["a token too many", withBody("tokens", bytes(0, 1, 4, 0, 0), zeros(4 * 1025)), "FORMAT_COUNT"],
    [
      "fewer tokens than announced",
      withBody("tokens", bytes(0, 2, 0, 0, 0), zeros(4)),
      "FORMAT_TRUNCATED",
    ],
    ["a flag that is none", withBody("tokens", bytes(2, 1, 0, 0, 0), zeros(4)), "FORMAT_VALUE"],
    ["a text that is too long", withBody("fail", bytes(1, 0, 1, 2), zeros(513)), "FORMAT_COUNT"],
    ["a text that is no UTF-8", withBody("fail", bytes(1, 0, 1, 0, 0xff)), "FORMAT_TEXT"],
    ["an overlong text", withBody("refuse", bytes(1, 0, 2, 0, 0xc0, 0x80)), "FORMAT_TEXT"],
    ["bytes after a CANCEL", withBody("cancel", bytes(0)), "FORMAT_TRAILING"],
    ["a seed source that is none", withBody("offer", filled(306, 2)), "FORMAT_VALUE"],
    [
      "a file that is too long",
      withBody("evidence", zeros(MAX_RECEIPT_FILE_BYTES + 1)),
      "FORMAT_TOO_LONG",
    ],
  ])("refuses %s", (_name, frame, code) => {
    expect(() => decodeMessage(frame)).toThrow(
      expect.objectContaining({ name: "FormatError", detail: expect.objectContaining({ code }) }),
    );
  });

  test("a byte order mark in a text is kept, not eaten", () => {
    const text = "\u{feff}mark";
    expect(decodeMessage(frameOf({ type: "fail", code: 1, text }))).toEqual({
      type: "fail",
      code: 1,
      text,
    });
  });

  test.each<[string, Message]>([
    ["unknown roles", { ...hello, roles: 8 }],
    ["too many programs", { ...hello, programs: new Array(65).fill(program) }],
    ["a program twice", { ...hello, programs: [program, program] }],
    ["a HELLO without a signature", { ...hello, signature: zeros(0) }],
    ["an order without a signature", { type: "offer", order: sampleOrder, signature: zeros(64) }],
    [
      "an empty prompt",
      { type: "start", clientNonce: zeros(32), inputSalt: zeros(32), prompt: [] },
    ],
    [
      "a long prompt",
      {
        type: "start",
        clientNonce: zeros(32),
        inputSalt: zeros(32),
        prompt: new Array(MAX_TOKENS + 1).fill(0),
      },
    ],
    ["no tokens", { type: "tokens", tokens: [], acknowledge: false }],
    [
      "too many tokens",
      {
        type: "tokens",
        tokens: new Array(MAX_TOKENS_PER_MESSAGE + 1).fill(0),
        acknowledge: false,
      },
    ],
    ["a long text", { type: "fail", code: 1, text: "é".repeat(MAX_TEXT_BYTES / 2 + 1) }],
    ["a lone surrogate", { type: "fail", code: 1, text: "\ud800" }],
    ["a code beyond u16", { type: "refuse", code: 65_536, text: "" }],
    ["a long file", { type: "evidencePut", file: zeros(MAX_RECEIPT_FILE_BYTES + 1) }],
    ["a short hash", { type: "evidenceGet", receiptHash: zeros(31) }],
  ])("refuses to encode %s", (_name, message) => {
    expect(() => encodeMessage(1, message)).toThrow(RangeError);
  });
});
