/** Attribution: what in a receipt file is the worker's fault, and what may be anybody's. */

import { acceptanceHash, encodeReceiptFile, orderHash, signTyped } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { judge } from "../src/verifier/judge.ts";
import { demoModel, demoModels } from "./support/demo.ts";
import { keyOf } from "./support/keys.ts";
import {
  greedyAnswer,
  makeReceiptFile,
  PROMPT,
  type ReceiptPlan,
  random32,
} from "./support/receipts.ts";

const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };
const file = (plan: Omit<ReceiptPlan, "domain"> = {}) => makeReceiptFile({ domain, ...plan });
const judged = (plan: Omit<ReceiptPlan, "domain"> = {}) =>
  judge(encodeReceiptFile(file(plan)), domain, demoModels());

const [first = 0, second = 0] = greedyAnswer(PROMPT);
const { vocab, endTokens, context } = demoModel().program;
const [end = 0] = endTokens;
const other = (token: number): number => {
  const found = [...new Array(vocab).keys()].find((t) => t !== token && !endTokens.includes(t));
  if (found === undefined) throw new Error("a vocabulary of more than end tokens");
  return found;
};

test("the prompt of these tests is answered with two tokens that do not end it", () => {
  expect(endTokens).not.toContain(first);
  expect(endTokens).not.toContain(second);
});

test("an honest receipt is honest", () => {
  const judgement = judged();
  expect(judgement.kind).toBe("honest");
});

describe("fraud: all that the worker signed was opened, and the program says otherwise", () => {
  const frauds: readonly (readonly [string, Omit<ReceiptPlan, "domain">, RegExp])[] = [
    ["another token", { output: [first, other(second)] }, /^tokens/],
    ["another trace", { receipt: { traceRoot: random32() } }, /^trace/],
    ["another seed", { receipt: { seed: random32() } }, /^seed/],
    ["a token that does not exist", { output: [first, vocab] }, /beyond the program/],
    ["an end token, and more", { output: [end, first] }, /more follow/],
    ["ended by itself, without an end token", { receipt: { finishReason: 1 } }, /no end token/],
    ["cut at the limit, with an end token", { output: [first, end] }, /is an end token/],
    ["cut below the limit", { output: [first] }, /cut after 1/],
    // Paid by the count, so a count above what the commitment opens to is money for nothing.
    [
      "more tokens counted than committed to",
      { output: [first], receipt: { outputTokens: 2, price: BigInt(PROMPT.length) * 10n + 60n } },
      /disclosed/,
    ],
  ];
  test.each(frauds)("%s", (_what, plan, reason) => {
    const judgement = judged(plan);
    expect(judgement).toMatchObject({ kind: "fraud", reason: expect.stringMatching(reason) });
  });

  test("the rival's trace is the program's own, so that the juror finds the same", () => {
    const honest = file();
    const judgement = judged({ receipt: { traceRoot: random32() } });
    expect(judgement.kind === "fraud" && judgement.rival.traceRoot).toEqual(
      honest.receipt.traceRoot,
    );
  });

  test("a wrong seed without any output is judged, although nothing can be run", () => {
    expect(judged({ output: [], receipt: { seed: random32() } }).kind).not.toBe("honest");
  });

  test("a wrong seed on an order that breaks a rule is judged, although nothing can be run", () => {
    const order = { invTemperature: 4_000_000_000 };
    expect(judged({ order, receipt: { seed: random32() } }).kind).not.toBe("honest");
  });
});

describe("unusable: not the worker's doing alone, so nobody may be slashed", () => {
  const altered: readonly (readonly [string, Omit<ReceiptPlan, "domain">])[] = [
    ["another client's nonce", { file: { clientNonce: random32() } }],
    ["another prompt", { file: { prompt: [...PROMPT.slice(1), 5] } }],
    ["a shorter prompt", { file: { prompt: PROMPT.slice(1) } }],
    ["another input salt", { file: { inputSalt: random32() } }],
    ["another output", { file: { output: [first, other(second)] } }],
    ["a shorter output", { file: { output: [first] } }],
    ["a longer output", { file: { output: [first, second, first] } }],
    ["no output", { file: { output: [] } }],
    ["another output salt", { file: { outputSalt: random32() } }],
    ["another worker's nonce", { file: { workerNonce: random32() } }],
    ["another chain", { file: { domain: { ...domain, chainId: 1n } } }],
    ["no order signature", { file: { orderSignature: new Uint8Array(65) } }],
    ["no receipt signature", { file: { receiptSignature: new Uint8Array(65) } }],
    // What the worker would have refused: only its colluding with the client explains it.
    ["an order beyond the context", { order: { maxTokens: context } }],
    ["an order with impossible sampling", { order: { topP: 7 } }],
    ["a prompt count that is not the prompt's", { order: { promptTokens: 1 } }],
    // Not payable, and so not worth a case.
    ["a price that is not the order's", { receipt: { price: 1n } }],
    ["a receipt that is late", { receipt: { completedAt: 2n ** 40n } }],
    ["a receipt for another order", { receipt: { orderHash: random32() } }],
    ["a receipt without output", { output: [] }],
    ["another program", { order: { programRoot: random32() } }],
  ];
  test.each(altered)("%s", (_what, plan) => {
    expect(judged(plan)).toMatchObject({ kind: "unusable" });
  });

  test("an acceptance that the client signed itself", () => {
    const honest = file();
    const workerNonce = random32();
    const forged = {
      ...honest,
      workerNonce,
      acceptanceSignature: signTyped(
        keyOf("client"),
        domain,
        acceptanceHash({ orderHash: orderHash(honest.order), workerNonce }),
      ),
    };
    expect(judge(encodeReceiptFile(forged), domain, demoModels()).kind).toBe("unusable");
  });

  test("a token that the client changed together with the order's commitment", () => {
    const honest = file();
    const replaced = file({ prompt: [...PROMPT.slice(1), 5] });
    const mixed = {
      ...replaced,
      receipt: honest.receipt,
      receiptSignature: honest.receiptSignature,
    };
    expect(judge(encodeReceiptFile(mixed), domain, demoModels()).kind).toBe("unusable");
  });

  test("no changed byte of an honest file makes its worker a cheater", () => {
    const bytes = encodeReceiptFile(file());
    // Every bit of a file is the verifier's own test; this one is about attribution.
    for (let at = 0; at < bytes.length; at += 8) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect([at, judge(changed, domain, demoModels()).kind]).toEqual([at, "unusable"]);
    }
  });

  test.each([0, 1, 100])("%i bytes", (length) => {
    expect(judge(new Uint8Array(length), domain, demoModels()).kind).toBe("unusable");
  });
});
