/** Receipt files that hold and that do not, by hand: writes ../receipt-file.json. */

import { writeFileSync } from "node:fs";
import { concat, type Hex } from "viem";
import {
  addressOf,
  bytes,
  HONEST,
  KEYS,
  mirrored,
  type Scenario,
  type Written,
  write,
} from "./receipt-writer.ts";

/** What the verifier is told, beside the file. */
interface Context {
  readonly program?: Readonly<Record<string, unknown>>;
  readonly pinnedRoot?: Hex;
  readonly expected?: Readonly<Record<string, unknown>>;
  readonly now?: bigint;
}

interface Case {
  readonly name: string;
  readonly scenario?: Scenario;
  readonly context?: Context;
  /** What re-executing the program gives; the output itself by default. */
  readonly chosen?: readonly number[];
  readonly traceRoot?: Hex;
}

interface InvalidCase extends Case {
  readonly check: number;
  readonly reason: string;
}

const PROGRAM = { root: HONEST.programRoot, context: 512, vocab: 100, endTokens: [2] };
const STRANGER = bytes("stranger key");

const other = await write({ order: { salt: bytes("another salt") } });
const honest = await write({});

const EVERYTHING: Context = {
  pinnedRoot: HONEST.programRoot,
  expected: {
    chainId: 31_337n,
    settlement: HONEST.domain.settlement,
    client: addressOf(KEYS.client),
    worker: addressOf(KEYS.worker),
    orderHash: honest.orderHash,
    workerNonce: HONEST.workerNonce,
    prompt: HONEST.prompt,
    maxTokens: 5,
    sampling: { invTemperature: 1280, topP: 58_982 },
    clientSeed: null,
  },
  now: 1_799_999_990n,
};

const LONG = Array.from({ length: 300 }, (_, i) => (7 * i) % 100);

const VALID: readonly Case[] = [
  { name: "nothing expected" },
  { name: "everything expected", context: EVERYTHING },
  { name: "cut at the limit", scenario: { output: [7, 3, 8, 8, 8] } },
  { name: "stopped by the client", scenario: { output: [7, 3], receipt: { finishReason: 3 } } },
  {
    name: "stopped by the client, who says so",
    scenario: { output: [7, 3], receipt: { finishReason: 3 } },
    context: { expected: { cut: true } },
  },
  { name: "one token in, one out", scenario: { prompt: [0], output: [2] } },
  { name: "an end token in the prompt", scenario: { prompt: [2, 2, 9] } },
  { name: "a prompt of two chunks", scenario: { prompt: LONG } },
  { name: "greedy", scenario: { order: { invTemperature: 0, topP: 65_536 } } },
  {
    name: "the whole context",
    scenario: { prompt: LONG, order: { maxTokens: 213 } },
  },
  {
    name: "a seed of the user",
    scenario: { order: { seedSource: 1, clientSeed: 42n } },
    context: { expected: { clientSeed: 42n } },
  },
  {
    name: "for nothing, in the last second",
    scenario: {
      order: { promptPrice: 0n, outputPrice: 0n, deadline: 1_799_999_990n },
      receipt: { price: 0n },
    },
  },
];

const FORMAT: readonly InvalidCase[] = (
  [
    ["no bytes", () => "0x"],
    ["a byte after the end", (file) => concat([file, "0x00"])],
    ["the last byte missing", (file) => file.slice(0, -2) as Hex],
    ["another kind of file", (file) => `0x${"41".repeat(8)}${file.slice(18)}`],
    ["a later version", (file) => `${file.slice(0, 18)}0300${file.slice(22)}` as Hex],
    ["four billion prompt tokens", (file) => splice(file, 847, "ffffffff")],
    ["seed source 2", (file) => splice(file, 166, "02")],
    ["finish reason 0", (file) => splice(file, 629, "00")],
    ["finish reason 4", (file) => splice(file, 629, "04")],
  ] satisfies readonly (readonly [string, (file: Hex) => Hex])[]
).map(([name, patch]) => ({ name, scenario: { patch }, check: 1, reason: "FORMAT_INVALID" }));

function splice(file: Hex, offset: number, hex: string): Hex {
  const at = 2 + 2 * offset;
  return `0x${file.slice(2, at)}${hex}${file.slice(at + hex.length)}`;
}

const SIGNATURES: readonly InvalidCase[] = [
  {
    name: "another chain than expected",
    context: { expected: { chainId: 1n } },
    check: 2,
    reason: "CHAIN_UNEXPECTED",
  },
  {
    name: "another settlement contract than expected",
    context: { expected: { settlement: bytes("other", 20) } },
    check: 2,
    reason: "SETTLEMENT_UNEXPECTED",
  },
  {
    name: "attack: replayed receipt of another order",
    scenario: { order: { salt: bytes("another salt") } },
    context: EVERYTHING,
    check: 2,
    reason: "ORDER_UNEXPECTED",
  },
  {
    name: "another payer than expected",
    context: { expected: { client: bytes("other", 20) } },
    check: 2,
    reason: "CLIENT_UNEXPECTED",
  },
  {
    name: "attack: signature malleability, order",
    scenario: { edited: (h) => ({ orderSignature: mirrored(h.orderSignature) }) },
    check: 2,
    reason: "ORDER_SIGNATURE_MALFORMED",
  },
  {
    name: "an order signed by the worker",
    scenario: { keys: { order: KEYS.worker } },
    check: 2,
    reason: "ORDER_SIGNER_WRONG",
  },
  {
    name: "a file moved to another chain",
    scenario: { edited: ({ domain }) => ({ domain: { ...domain, chainId: 1n } }) },
    check: 2,
    reason: "ORDER_SIGNER_WRONG",
  },
  {
    name: "attack: lower price in the order, edited",
    scenario: { editedOrder: { outputPrice: 1n } },
    check: 2,
    reason: "ORDER_SIGNER_WRONG",
  },
  {
    name: "attack: signature malleability, acceptance",
    scenario: { edited: (h) => ({ acceptanceSignature: mirrored(h.acceptanceSignature) }) },
    check: 3,
    reason: "ACCEPTANCE_SIGNATURE_MALFORMED",
  },
  {
    name: "an acceptance signed by a stranger",
    scenario: { keys: { acceptance: STRANGER } },
    check: 3,
    reason: "ACCEPTANCE_SIGNER_WRONG",
  },
  {
    name: "the worker's nonce edited",
    scenario: { edited: () => ({ workerNonce: bytes("shopped nonce") }) },
    check: 3,
    reason: "ACCEPTANCE_SIGNER_WRONG",
  },
  {
    name: "attack: a second acceptance with another nonce",
    context: { expected: { workerNonce: bytes("the first nonce") } },
    check: 3,
    reason: "WORKER_NONCE_UNEXPECTED",
  },
  {
    name: "attack: signature malleability, receipt",
    scenario: { edited: (h) => ({ receiptSignature: mirrored(h.receiptSignature) }) },
    check: 4,
    reason: "RECEIPT_SIGNATURE_MALFORMED",
  },
  {
    name: "a receipt signed by the client",
    scenario: { keys: { receipt: KEYS.client } },
    check: 4,
    reason: "RECEIPT_SIGNER_WRONG",
  },
  {
    name: "a receipt edited after it was signed",
    scenario: { editedReceipt: { completedAt: 1_799_999_991n } },
    check: 4,
    reason: "RECEIPT_SIGNER_WRONG",
  },
  {
    name: "another worker than expected",
    context: { expected: { worker: bytes("other", 20) } },
    check: 4,
    reason: "WORKER_UNEXPECTED",
  },
];

const BINDING: readonly InvalidCase[] = [
  {
    name: "attack: swapped receipt",
    scenario: {
      editedReceipt: other.receipt,
      edited: () => ({ receiptSignature: other.disclosed.receiptSignature }),
    },
    check: 5,
    reason: "ORDER_HASH_MISMATCH",
  },
  {
    name: "a receipt that names another program",
    scenario: { receipt: { programRoot: bytes("cheap program") } },
    check: 5,
    reason: "PROGRAM_ROOT_MISMATCH",
  },
  {
    name: "a receipt that names another worker",
    scenario: { receipt: { worker: bytes("other", 20) } },
    check: 5,
    reason: "WORKER_MISMATCH",
  },
  {
    name: "a receipt for another input",
    scenario: { receipt: { inputCommitment: bytes("other") } },
    check: 5,
    reason: "INPUT_COMMITMENT_MISMATCH",
  },
  {
    name: "a receipt that counts another prompt",
    scenario: { receipt: { promptTokens: 5, price: 45n } },
    check: 5,
    reason: "PROMPT_TOKENS_MISMATCH",
  },
  {
    name: "attack: wrong model",
    context: { program: { ...PROGRAM, root: bytes("another program") } },
    check: 6,
    reason: "PROGRAM_WRONG",
  },
  {
    name: "attack: wrong model, consistent but not the pinned one",
    context: { pinnedRoot: bytes("pinned program") },
    check: 6,
    reason: "PROGRAM_NOT_PINNED",
  },
  {
    name: "a prompt token left out",
    scenario: { edited: () => ({ prompt: [1, 5, 9] }) },
    check: 7,
    reason: "PROMPT_COUNT_WRONG",
  },
  {
    name: "attack: prompt edited",
    scenario: { edited: () => ({ prompt: [1, 5, 9, 6] }) },
    check: 7,
    reason: "PROMPT_NOT_OPENED",
  },
  {
    name: "attack: prompt edited and ordered as such",
    scenario: { prompt: [1, 5, 9, 6] },
    context: { expected: { prompt: [1, 5, 9, 4] } },
    check: 7,
    reason: "PROMPT_UNEXPECTED",
  },
  {
    name: "attack: prompt shortened and ordered as such",
    scenario: { prompt: [1, 5, 9] },
    context: { expected: { prompt: [1, 5, 9, 4] } },
    check: 7,
    reason: "PROMPT_UNEXPECTED",
  },
  {
    name: "another input salt",
    scenario: { edited: () => ({ inputSalt: bytes("other") }) },
    check: 7,
    reason: "PROMPT_NOT_OPENED",
  },
  {
    name: "an output token left out",
    scenario: { edited: () => ({ output: [7, 2] }) },
    check: 8,
    reason: "OUTPUT_COUNT_WRONG",
  },
  {
    name: "attack: edited answer",
    scenario: { edited: () => ({ output: [7, 4, 2] }) },
    check: 8,
    reason: "OUTPUT_NOT_OPENED",
  },
  {
    name: "another output salt",
    scenario: { edited: () => ({ outputSalt: bytes("other") }) },
    check: 8,
    reason: "OUTPUT_NOT_OPENED",
  },
];

const SEEDS: readonly InvalidCase[] = [
  {
    name: "another client's nonce",
    scenario: { edited: () => ({ clientNonce: bytes("other") }) },
    check: 9,
    reason: "NONCE_NOT_OPENED",
  },
  {
    name: "attack: other seed",
    scenario: { receipt: { seed: bytes("a seed with a short answer") } },
    check: 9,
    reason: "SEED_WRONG",
  },
  {
    name: "attack: other seed than the user's",
    scenario: {
      order: { seedSource: 1, clientSeed: 42n },
      receipt: { seed: bytes("a seed with a short answer") },
    },
    check: 9,
    reason: "SEED_WRONG",
  },
  {
    name: "the user's seed edited in the order",
    scenario: { order: { seedSource: 1, clientSeed: 41n } },
    context: { expected: { clientSeed: 42n } },
    check: 9,
    reason: "CLIENT_SEED_UNEXPECTED",
  },
  {
    name: "the user's seed ignored",
    context: { expected: { clientSeed: 42n } },
    check: 9,
    reason: "CLIENT_SEED_UNEXPECTED",
  },
  {
    name: "an explicit seed that nobody asked for",
    scenario: { order: { seedSource: 1, clientSeed: 0n } },
    context: { expected: { clientSeed: null } },
    check: 9,
    reason: "CLIENT_SEED_UNEXPECTED",
  },
];

const limits = (
  reason: string,
  name: string,
  scenario: Scenario,
  context: Context = {},
): InvalidCase => ({ name, scenario, context, check: 10, reason });

const LIMITS: readonly InvalidCase[] = [
  limits("SAMPLING_RANGE", "greedy with a nucleus", { order: { invTemperature: 0 } }),
  limits("SAMPLING_RANGE", "topP 0", { order: { topP: 0 } }),
  limits("SAMPLING_RANGE", "too cold", { order: { invTemperature: 16_384 } }),
  limits("PROMPT_EMPTY", "no prompt", { prompt: [] }),
  limits("MAX_TOKENS_ZERO", "an order for no tokens", { order: { maxTokens: 0 } }),
  limits("CONTEXT_EXCEEDED", "one position too many", {
    prompt: LONG,
    order: { maxTokens: 214 },
  }),
  limits("CLIENT_SEED_UNUSED", "an explicit seed without use", { order: { clientSeed: 1n } }),
  limits(
    "SAMPLING_UNEXPECTED",
    "another temperature than asked",
    {},
    { expected: { sampling: { invTemperature: 1024, topP: 58_982 } } },
  ),
  limits(
    "SAMPLING_UNEXPECTED",
    "another topP than asked",
    {},
    { expected: { sampling: { invTemperature: 1280, topP: 65_536 } } },
  ),
  limits("MAX_TOKENS_UNEXPECTED", "another limit than asked", {}, { expected: { maxTokens: 6 } }),
  limits("OUTPUT_EMPTY", "no answer", { output: [] }),
  limits("OUTPUT_ABOVE_LIMIT", "a token more than ordered", { output: [7, 3, 8, 8, 8, 2] }),
  limits("TOKEN_OUTSIDE_VOCABULARY", "a prompt token that is none", { prompt: [1, 100] }),
  limits("TOKEN_OUTSIDE_VOCABULARY", "an output token that is none", {
    output: [4_294_967_295, 2],
  }),
  limits("END_TOKEN_EARLY", "attack: padded output", { output: [7, 2, 8, 8, 8] }),
  limits("END_TOKEN_EARLY", "attack: padded output, with a second end", { output: [7, 2, 2] }),
  limits("STOP_WITHOUT_END_TOKEN", "attack: missing end token", {
    output: [7, 3],
    receipt: { finishReason: 1 },
  }),
  limits("LENGTH_BELOW_LIMIT", "attack: early stop", { output: [7, 3] }),
  limits("LENGTH_WITH_END_TOKEN", "an end called a cut", { receipt: { finishReason: 2 } }),
  limits(
    "CUT_UNEXPECTED",
    "attack: early stop, called the client's wish",
    { output: [7, 3], receipt: { finishReason: 3 } },
    { expected: { cut: false } },
  ),
  limits("CUT_WITH_END_TOKEN", "a whole answer called a cut", { receipt: { finishReason: 3 } }),
  limits("CUT_AT_LIMIT", "the limit called a cut", {
    output: [7, 3, 8, 8, 8],
    receipt: { finishReason: 3 },
  }),
  limits("SEQUENCE_RANGE", "a sequence that is not exact everywhere", {
    order: { sequence: 2n ** 53n },
  }),
  limits("PRICE_WRONG", "attack: wrong price", { receipt: { price: 43n } }),
  limits("PRICE_WRONG", "attack: wrong price, too low", { receipt: { price: 41n } }),
  limits("PRICE_WRONG", "a price beyond uint128, cut", {
    order: { promptPrice: 2n ** 127n, outputPrice: 0n },
    receipt: { price: 0n },
  }),
  limits("COMPLETED_LATE", "after the deadline", { receipt: { completedAt: 1_800_000_001n } }),
  limits("COMPLETED_IN_FUTURE", "before its time", {}, { now: 1_799_999_989n }),
];

const EXECUTION: readonly InvalidCase[] = [
  {
    name: "attack: edited answer, signed by the worker",
    scenario: { output: [7, 4, 2] },
    chosen: [7, 3, 2],
    check: 11,
    reason: "TOKEN_WRONG",
  },
  {
    name: "attack: early stop, with an end token that the program did not choose",
    scenario: { output: [7, 2] },
    chosen: [7, 3],
    check: 11,
    reason: "TOKEN_WRONG",
  },
  {
    name: "the first token is another",
    chosen: [8, 3, 2],
    check: 11,
    reason: "TOKEN_WRONG",
  },
  {
    name: "the right tokens from another computation",
    scenario: { receipt: { traceRoot: bytes("cheap trace") } },
    check: 12,
    reason: "TRACE_WRONG",
  },
];

function vectorOf({ name, context = {}, chosen, traceRoot }: Case, written: Written) {
  return {
    name,
    file: written.file,
    context: { program: PROGRAM, ...context },
    execution: {
      chosen: chosen ?? written.disclosed.output,
      traceRoot: traceRoot ?? HONEST.traceRoot,
    },
  };
}

const valid = [];
for (const one of VALID) {
  const written = await write(one.scenario ?? {});
  valid.push({ ...vectorOf(one, written), receiptHash: written.receiptHash });
}
const invalid = [];
for (const one of [...FORMAT, ...SIGNATURES, ...BINDING, ...SEEDS, ...LIMITS, ...EXECUTION]) {
  const { check, reason } = one;
  invalid.push({ ...vectorOf(one, await write(one.scenario ?? {})), check, reason });
}
const text = (_key: string, value: unknown) =>
  typeof value === "bigint" ? value.toString() : value;
writeFileSync(
  new URL("../receipt-file.json", import.meta.url),
  `${JSON.stringify({ valid, invalid }, text, 1)}\n`,
);
