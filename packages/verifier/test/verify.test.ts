import { decodeReceiptFile, encodeReceiptFile } from "@assay/wire";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  type Check,
  describeVerdict,
  type Execute,
  type FactCode,
  type Reason,
  type Task,
  type Verdict,
  verify,
} from "../src/index.ts";
import { INVALID, VALID, type Vector, vectorNamed } from "./vectors.ts";

/** Every reason there is: the compiler refuses this table if one is missing. */
const REASONS: { readonly [K in Reason]: true } = {
  FORMAT_INVALID: true,
  CHAIN_UNEXPECTED: true,
  SETTLEMENT_UNEXPECTED: true,
  ORDER_UNEXPECTED: true,
  ORDER_SIGNATURE_MALFORMED: true,
  ORDER_SIGNER_WRONG: true,
  CLIENT_UNEXPECTED: true,
  ACCEPTANCE_SIGNATURE_MALFORMED: true,
  ACCEPTANCE_SIGNER_WRONG: true,
  WORKER_NONCE_UNEXPECTED: true,
  RECEIPT_SIGNATURE_MALFORMED: true,
  RECEIPT_SIGNER_WRONG: true,
  WORKER_UNEXPECTED: true,
  ORDER_HASH_MISMATCH: true,
  PROGRAM_ROOT_MISMATCH: true,
  WORKER_MISMATCH: true,
  INPUT_COMMITMENT_MISMATCH: true,
  PROMPT_TOKENS_MISMATCH: true,
  PROGRAM_WRONG: true,
  PROGRAM_NOT_PINNED: true,
  PROMPT_COUNT_WRONG: true,
  PROMPT_NOT_OPENED: true,
  PROMPT_UNEXPECTED: true,
  OUTPUT_COUNT_WRONG: true,
  OUTPUT_NOT_OPENED: true,
  NONCE_NOT_OPENED: true,
  CLIENT_SEED_UNEXPECTED: true,
  SEED_WRONG: true,
  SAMPLING_RANGE: true,
  PROMPT_EMPTY: true,
  MAX_TOKENS_ZERO: true,
  CONTEXT_EXCEEDED: true,
  CLIENT_SEED_UNUSED: true,
  SAMPLING_UNEXPECTED: true,
  MAX_TOKENS_UNEXPECTED: true,
  OUTPUT_EMPTY: true,
  OUTPUT_ABOVE_LIMIT: true,
  TOKEN_OUTSIDE_VOCABULARY: true,
  END_TOKEN_EARLY: true,
  STOP_WITHOUT_END_TOKEN: true,
  LENGTH_WITH_END_TOKEN: true,
  LENGTH_BELOW_LIMIT: true,
  SEQUENCE_RANGE: true,
  CUT_UNEXPECTED: true,
  CUT_WITH_END_TOKEN: true,
  CUT_AT_LIMIT: true,
  PRICE_WRONG: true,
  COMPLETED_LATE: true,
  COMPLETED_IN_FUTURE: true,
  TOKEN_WRONG: true,
  TRACE_WRONG: true,
};

const judge = ({ file, context, execute }: Vector): Verdict => verify(file, context, execute);
const statuses = ({ checks }: Verdict): string => checks.map(({ status }) => status[0]).join("");
const firstFailed = ({ checks }: Verdict): Check | undefined =>
  checks.find(({ status }) => status === "FAIL");
const codes = ({ assurance }: Verdict): FactCode[] => assurance.map(({ code }) => code);

const nothingExpected = vectorNamed("nothing expected");
const everythingExpected = vectorNamed("everything expected");

describe("published receipt files", () => {
  test.each(VALID)("hold: $name", (vector) => {
    const verdict = judge(vector);
    expect(verdict.reason).toBeNull();
    expect(statuses(verdict)).toBe("PPPPPPPPPPPP");
    expect(verdict.ok).toBe(true);
    expect(verdict.receiptHash).toEqual(vector.receiptHash);
    expect(verdict.file).toEqual(decodeReceiptFile(vector.file));
  });

  test.each(INVALID)("do not hold: $name", ({ check, reason, ...vector }) => {
    const verdict = judge(vector);
    expect(verdict.ok).toBe(false);
    expect(verdict.reason).toBe(reason);
    expect(firstFailed(verdict)).toMatchObject({ number: check, reason });
    expect(firstFailed(verdict)).toHaveProperty("message", expect.stringMatching(/^.{10,300}$/));
  });

  test("provoke every reason there is", () => {
    expect(new Set(INVALID.map(({ reason }) => reason))).toEqual(new Set(Object.keys(REASONS)));
  });

  test("hold attacks by every name", () => {
    const names = INVALID.map(({ name }) => name).join("\n");
    for (const attack of [
      "edited answer",
      "swapped receipt",
      "replayed receipt of another order",
      "other seed",
      "wrong model",
      "prompt edited",
      "wrong price",
      "early stop",
      "missing end token",
      "padded output",
      "signature malleability",
    ]) {
      expect(names).toContain(`attack: ${attack}`);
    }
  });
});

describe("the checks", () => {
  test("are numbered 1 to 12 with a name and what they prove, in every verdict", () => {
    for (const vector of [...VALID, ...INVALID]) {
      const { checks } = judge(vector);
      expect(checks.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      for (const { name, proves } of checks) expect(name.length * proves.length).toBeGreaterThan(0);
    }
  });

  test.each([
    ["no bytes", "FSSSSSSSSSSS"],
    ["an order signed by the worker", "PFPPPPPPPPSS"],
    ["the worker's nonce edited", "PPFPPPPPFPSS"],
    ["a receipt signed by the client", "PPPFPPPPPPSS"],
    ["attack: swapped receipt", "PPPPFPPPFPSS"],
    ["attack: wrong model", "PPPPPFPPPSSS"],
    ["attack: prompt edited", "PPPPPPFPPSSS"],
    ["attack: edited answer", "PPPPPPPFPSSS"],
    ["attack: other seed", "PPPPPPPPFPSS"],
    ["attack: wrong price", "PPPPPPPPPFSS"],
    ["attack: edited answer, signed by the worker", "PPPPPPPPPPFP"],
    ["the right tokens from another computation", "PPPPPPPPPPPF"],
  ])("skip what depends on a failure, and nothing else: %s", (name, expected) => {
    expect(statuses(judge(vectorNamed(name)))).toBe(expected);
  });

  test("tokens and trace fail apart", () => {
    const { file, context } = nothingExpected;
    const wrong: Execute = ({ output }) => ({
      chosen: output.map((token) => token + 1),
      traceRoot: new Uint8Array(32),
    });
    const verdict = verify(file, context, wrong);
    expect(statuses(verdict)).toBe("PPPPPPPPPPFF");
    expect(verdict.reason).toBe("TOKEN_WRONG");
  });

  test("a skipped check names what it waited for", () => {
    const { checks } = judge(vectorNamed("attack: wrong model"));
    expect(checks[9]).toMatchObject({ status: "SKIP", needs: [6] });
    expect(checks[10]).toMatchObject({ status: "SKIP", needs: [6, 10] });
  });
});

describe("the executor", () => {
  test("gets the file's tokens, sampling and seed, once", () => {
    const { file, context, execute } = everythingExpected;
    const { prompt, output, receipt } = decodeReceiptFile(file);
    const spy = vi.fn(execute);
    expect(verify(file, context, spy).ok).toBe(true);
    const sampling = { invTemperature: 1280, topP: 58_982 };
    expect(spy.mock.calls).toEqual([[{ prompt, output, sampling, seed: receipt.seed }]]);
  });

  test("is called only for files whose checks 1 to 10 pass, and never beyond the program", () => {
    for (const { file, context, execute } of [...VALID, ...INVALID]) {
      const asked: Task[] = [];
      const verdict = verify(file, context, (task) => {
        asked.push(task);
        return execute(task);
      });
      expect(asked).toHaveLength(statuses(verdict).startsWith("PPPPPPPPPP") ? 1 : 0);
      for (const { prompt, output } of asked) {
        const { vocab, context: positions } = context.program;
        expect(Math.max(...prompt, ...output)).toBeLessThan(vocab);
        expect(prompt.length).toBeGreaterThan(0);
        expect(output.length).toBeGreaterThan(0);
        expect(prompt.length + output.length - 1).toBeLessThanOrEqual(positions);
      }
    }
  });

  test.each<[string, Execute]>([
    ["too few choices", () => ({ chosen: [], traceRoot: new Uint8Array(32) })],
    ["a short trace root", ({ output }) => ({ chosen: output, traceRoot: new Uint8Array(31) })],
  ])("that answers %s is at fault, not the file", (_name, execute) => {
    const { file, context } = nothingExpected;
    expect(() => verify(file, context, execute)).toThrow(RangeError);
  });

  test("that breaks says nothing about the file", () => {
    const broken = new Error("out of memory");
    const execute = (): never => {
      throw broken;
    };
    const { file, context } = nothingExpected;
    expect(() => verify(file, context, execute)).toThrow(broken);
  });
});

describe("a verdict", () => {
  test("is the same every time, and leaves the file's bytes alone", () => {
    const copy = everythingExpected.file.slice();
    expect(judge(everythingExpected)).toEqual(judge(everythingExpected));
    expect(everythingExpected.file).toEqual(copy);
  });

  test("is one for any bytes", () => {
    const { file, context, execute } = nothingExpected;
    const mutated = fc
      .array(fc.tuple(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 })), { minLength: 1 })
      .map((edits) => {
        const changed = file.slice();
        for (const [at, byte] of edits) changed[at] = byte;
        return changed;
      })
      .filter((changed) => changed.some((byte, i) => byte !== file[i]));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), mutated), (bytes) => {
        expect(verify(bytes, context, execute).reason).toMatch(/^[A-Z_]+$/);
      }),
      { numRuns: 100 },
    );
  });

  test("says what was taken on trust", () => {
    expect(codes(judge(nothingExpected))).toEqual([
      "SEED_FROM_BOTH",
      "WORKER_NONCE_TRUSTED",
      "PROMPT_RENDERING_TRUSTED",
      "REQUEST_TRUSTED",
      "PROGRAM_NOT_PINNED",
      "ORDER_TRUSTED",
      "PARTIES_FROM_FILE",
      "SETTLEMENT_FROM_FILE",
      "TIME_NOT_CHECKED",
    ]);
    expect(codes(judge(everythingExpected))).toEqual([
      "SEED_FROM_BOTH",
      "PROMPT_EXPECTED",
      "PROGRAM_PINNED",
      "ORDER_EXPECTED",
    ]);
    expect(codes(judge(vectorNamed("a seed of the user")))).toContain("SEED_FROM_CLIENT");
    expect(codes(judge(vectorNamed("no bytes")))).toEqual([]);
  });

  test("on a replay fails only for who knows the order that was signed", () => {
    const replay = vectorNamed("attack: replayed receipt of another order");
    const { orderHash: _, ...others } = replay.context.expected ?? {};
    const verdict = judge({ ...replay, context: { ...replay.context, expected: others } });
    expect(verdict.ok).toBe(true);
    expect(codes(verdict)).toContain("ORDER_TRUSTED");
  });

  test("in lines", () => {
    expect(describeVerdict(judge(vectorNamed("attack: wrong model")))).toMatchInlineSnapshot(`
      [
        " 1. PASS format: the bytes are one receipt file, nothing else",
        " 2. PASS order signature: the payer ordered this",
        " 3. PASS acceptance signature: the worker fixed its nonce for this order",
        " 4. PASS receipt signature: the worker named in the order signed this receipt",
        " 5. PASS receipt answers the order: order hash, program root, worker, input commitment and prompt count agree",
        " 6. FAIL program: the order is for program 0x1352fd03aded072ff149458ad9e7d22020a22f11b7597e14fd9b6de9ee9f6c1d, the one here is 0x2c59769575cdfb3dbb884a199296e080b99e2f846694a63450e1abd05bc7bcc8 [PROGRAM_WRONG]",
        " 7. PASS prompt: the disclosed prompt is the one that the order commits to",
        " 8. PASS output: the disclosed output is the one that the receipt commits to",
        " 9. PASS seed: the seed follows from the order and both nonces, or from the user's number",
        "10. SKIP limits and price: not carried out, because check 6 did not pass",
        "11. SKIP tokens: not carried out, because check 6, 10 did not pass",
        "12. SKIP trace: not carried out, because check 6, 10 did not pass",
        "  - the seed comes from the nonces of client and worker [SEED_FROM_BOTH]",
        "  - the acceptance was taken from the file: a worker that signed a second one after it saw the client's nonce could choose the seed [WORKER_NONCE_TRUSTED]",
        "  - prompt rendering trusted: nobody compared the prompt with what was asked [PROMPT_RENDERING_TRUSTED]",
        "  - sampling, token limit or explicit seed were taken from the order, not compared with what was asked [REQUEST_TRUSTED]",
        "  - the program was named by the order: the client pinned none [PROGRAM_NOT_PINNED]",
        "  - the order was taken from the file: it can be an earlier one for the same request [ORDER_TRUSTED]",
        "  - payer or worker were taken from the file [PARTIES_FROM_FILE]",
        "  - chain or settlement contract were taken from the file [SETTLEMENT_FROM_FILE]",
        "  - the time of completion was not compared with a clock [TIME_NOT_CHECKED]",
        "INVALID: PROGRAM_WRONG, 8 of 12 checks passed",
      ]
    `);
    expect(describeVerdict(judge(everythingExpected))).toMatchInlineSnapshot(`
      [
        " 1. PASS format: the bytes are one receipt file, nothing else",
        " 2. PASS order signature: the payer ordered this",
        " 3. PASS acceptance signature: the worker fixed its nonce for this order",
        " 4. PASS receipt signature: the worker named in the order signed this receipt",
        " 5. PASS receipt answers the order: order hash, program root, worker, input commitment and prompt count agree",
        " 6. PASS program: the model here is the one that was ordered",
        " 7. PASS prompt: the disclosed prompt is the one that the order commits to",
        " 8. PASS output: the disclosed output is the one that the receipt commits to",
        " 9. PASS seed: the seed follows from the order and both nonces, or from the user's number",
        "10. PASS limits and price: token limits, end tokens, times and price are as ordered",
        "11. PASS tokens: re-executing the program gives exactly these tokens",
        "12. PASS trace: re-executing the program gives exactly this trace root",
        "  - the seed comes from the nonces of client and worker [SEED_FROM_BOTH]",
        "  - the prompt is the one that the caller rendered [PROMPT_EXPECTED]",
        "  - the program is the one that the client pinned [PROGRAM_PINNED]",
        "  - the order is the one that the caller signed [ORDER_EXPECTED]",
        "VALID: all 12 checks passed",
      ]
    `);
  });
});

describe("edits that the signatures do not see", () => {
  const file = decodeReceiptFile(nothingExpected.file);
  test.each([
    ["salts swapped", { inputSalt: file.outputSalt, outputSalt: file.inputSalt }],
    ["nonces swapped", { clientNonce: file.workerNonce, workerNonce: file.clientNonce }],
    ["prompt and output swapped", { prompt: file.output, output: file.prompt }],
    ["a prompt token moved to the output", { prompt: [1, 5, 9], output: [4, 7, 3, 2] }],
    ["signatures swapped", { orderSignature: file.receiptSignature }],
    ["the receipt signed as an acceptance", { acceptanceSignature: file.receiptSignature }],
  ])("are found: %s", (_name, edit) => {
    const { context, execute } = nothingExpected;
    expect(verify(encodeReceiptFile({ ...file, ...edit }), context, execute).ok).toBe(false);
  });
});

describe("an observer", () => {
  const observed = (vector: Vector) => {
    const heard: Check[] = [];
    const context = { ...vector.context, onCheck: (check: Check) => heard.push(check) };
    return { heard, verdict: verify(vector.file, context, vector.execute) };
  };

  test.each([...VALID, ...INVALID])("hears each check once, in order: $name", (vector) => {
    const { heard, verdict } = observed(vector);
    expect(heard).toEqual(verdict.checks);
    expect(heard.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(verdict).toEqual(judge(vector));
  });

  test("hears the checks before the execution while that has not begun", () => {
    const heard: number[] = [];
    let before = 0;
    const { file, context, execute } = nothingExpected;
    const onCheck = ({ number }: Check) => heard.push(number);
    verify(file, { ...context, onCheck }, (task) => {
      before = heard.length;
      return execute(task);
    });
    expect(before).toBe(10);
  });
});
