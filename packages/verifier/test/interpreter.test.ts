/** Verdicts on answers of real programs: executed, and re-executed, by the reference interpreter. */

import {
  chooseToken,
  interpret,
  interpretedTraceRoot,
  type Program,
  programRoot,
} from "@assay/model";
import { Random, randomProgram, randomSampling, randomTokens } from "@assay/model/conformance";
import {
  acceptanceHash,
  addressOf,
  encodeReceiptFile,
  nonceHash,
  type Order,
  orderHash,
  orderSeed,
  priceOf,
  type Receipt,
  type ReceiptFile,
  receiptHash,
  type Sampling,
  signTyped,
  tokenCommitment,
} from "@assay/wire";
import { describe, expect, test } from "vitest";
import {
  type Execute,
  type Expected,
  type Reason,
  type VerifyContext,
  verify,
} from "../src/index.ts";

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

const domain = { chainId: 31_337n, settlement: filled(20, 1) };
const clientKey = filled(32, 2);
const workerKey = filled(32, 3);
const inputSalt = filled(32, 4);
const outputSalt = filled(32, 5);
const nonces = { clientNonce: filled(32, 6), workerNonce: filled(32, 7) };

/** One pass over prompt ‖ output without its last token, as spec/03 §3.5 asks. */
function executorOf(program: Program): Execute {
  return ({ prompt, output, sampling, seed }) => {
    const positions = interpret(program, [...prompt, ...output.slice(0, -1)]);
    const chosen = positions
      .slice(prompt.length - 1)
      .map(({ logits }, i) => chooseToken(logits, sampling, seed, prompt.length - 1 + i));
    return { chosen, traceRoot: interpretedTraceRoot(positions) };
  };
}

/** Token by token, the way a worker decodes. */
function decode(program: Program, order: Order, prompt: readonly number[], seed: Uint8Array) {
  const output: number[] = [];
  while (output.length < order.maxTokens) {
    const tokens = [...prompt, ...output];
    const last = interpret(program, tokens).at(-1);
    if (last === undefined) throw new Error("the prompt is empty");
    const token = chooseToken(last.logits, order, seed, tokens.length - 1);
    output.push(token);
    if (program.endTokens.includes(token)) break;
  }
  return output;
}

interface Request {
  readonly program: Program;
  readonly prompt: readonly number[];
  readonly sampling: Sampling;
  readonly maxTokens: number;
}

/** What a worker can do otherwise than it should, and sign. */
interface Cheat {
  readonly program?: Program;
  readonly seed?: Uint8Array;
  readonly output?: (honest: readonly number[]) => readonly number[];
  readonly receipt?: Partial<Receipt>;
}

function orderOf({ program, prompt, sampling, maxTokens }: Request): Order {
  return {
    ...sampling,
    programRoot: programRoot(program),
    client: addressOf(clientKey),
    worker: addressOf(workerKey),
    sequence: 4n,
    inputCommitment: tokenCommitment(inputSalt, prompt),
    promptTokens: prompt.length,
    maxTokens,
    seedSource: 0,
    clientSeed: 0n,
    nonceHash: nonceHash(nonces.clientNonce),
    promptPrice: 1n,
    outputPrice: 2n,
    deadline: 2_000n,
    salt: filled(32, 8),
  };
}

function answer(request: Request, cheat: Cheat = {}): ReceiptFile {
  const { prompt } = request;
  const program = cheat.program ?? request.program;
  const order = orderOf(request);
  const seed = cheat.seed ?? orderSeed(order, nonces);
  const honest = decode(program, order, prompt, seed);
  const output = cheat.output?.(honest) ?? honest;
  const { traceRoot } = executorOf(program)({ prompt, output, sampling: order, seed });
  const stops = request.program.endTokens.includes(output.at(-1) ?? -1);
  const receipt: Receipt = {
    orderHash: orderHash(order),
    programRoot: order.programRoot,
    worker: order.worker,
    seed: orderSeed(order, nonces),
    inputCommitment: order.inputCommitment,
    outputCommitment: tokenCommitment(outputSalt, output),
    promptTokens: prompt.length,
    outputTokens: output.length,
    finishReason: stops ? 1 : 2,
    price: priceOf(order, prompt.length, output.length),
    completedAt: 1_999n,
    traceRoot,
    ...cheat.receipt,
  };
  const acceptance = { orderHash: orderHash(order), workerNonce: nonces.workerNonce };
  return {
    ...nonces,
    domain,
    order,
    orderSignature: signTyped(clientKey, domain, orderHash(order)),
    acceptanceSignature: signTyped(workerKey, domain, acceptanceHash(acceptance)),
    receipt,
    receiptSignature: signTyped(workerKey, domain, receiptHash(receipt)),
    inputSalt,
    outputSalt,
    prompt,
    output,
  };
}

function contextOf(request: Request): VerifyContext {
  const { program, prompt, sampling, maxTokens } = request;
  const { context, vocab, endTokens } = program;
  const root = programRoot(program);
  const order = orderOf(request);
  const expected: Expected = {
    ...domain,
    client: order.client,
    worker: order.worker,
    orderHash: orderHash(order),
    workerNonce: nonces.workerNonce,
    prompt,
    maxTokens,
    sampling,
    clientSeed: null,
  };
  return { program: { root, context, vocab, endTokens }, pinnedRoot: root, expected, now: 1_999n };
}

function signedBy(key: Uint8Array, file: ReceiptFile, receipt: Receipt): ReceiptFile {
  return { ...file, receipt, receiptSignature: signTyped(key, domain, receiptHash(receipt)) };
}

const judge = (request: Request, cheat?: Cheat) =>
  verify(
    encodeReceiptFile(answer(request, cheat)),
    contextOf(request),
    executorOf(request.program),
  );

function requestOf(seed: number): Request {
  const random = new Random(seed);
  const program = randomProgram(seed);
  const promptTokens = Math.ceil(program.context / 2);
  const { invTemperature, topP } = randomSampling(random);
  return {
    program,
    prompt: randomTokens(program, random, promptTokens),
    sampling: invTemperature === 0 ? { invTemperature, topP: 65_536 } : { invTemperature, topP },
    maxTokens: program.context + 1 - promptTokens,
  };
}

describe("honest answers of random programs verify", () => {
  test.each(Array.from({ length: 16 }, (_, seed) => seed + 1))("program %i", (seed) => {
    const verdict = judge(requestOf(seed));
    expect(verdict.reason).toBeNull();
    expect(verdict.ok).toBe(true);
  });
});

describe("a worker that signs something else is found", () => {
  /** Five tokens, ten positions, two blocks, 4 ends the answer; hot, so that the seed matters. */
  const request: Request = {
    program: randomProgram(8),
    prompt: [1, 2, 0],
    sampling: { invTemperature: 1, topP: 65_536 },
    maxTokens: 5,
  };
  const { program } = request;
  const honest = answer(request);

  test("the honest answer holds, and has tokens to forge", () => {
    expect(program).toMatchObject({ context: 10, vocab: 5, endTokens: [4] });
    expect(judge(request).ok).toBe(true);
    expect(honest.output).toHaveLength(5);
  });

  test("edited answer: every other token in every place", () => {
    honest.output.forEach((token, at) => {
      for (let other = 0; other < program.vocab; other++) {
        if (other === token) continue;
        const verdict = judge(request, {
          output: (output) => output.map((each, i) => (i === at ? other : each)),
        });
        expect(verdict.ok, `token ${at} as ${other}`).toBe(false);
        expect(["TOKEN_WRONG", "END_TOKEN_EARLY", "LENGTH_BELOW_LIMIT"]).toContain(verdict.reason);
      }
    });
  });

  test("another trace root: every bit", () => {
    const { prompt, output, order, receipt } = honest;
    const once = executorOf(program)({ prompt, output, sampling: order, seed: receipt.seed });
    for (let bit = 0; bit < 256; bit++) {
      const traceRoot = receipt.traceRoot.slice();
      const at = Math.floor(bit / 8);
      traceRoot[at] = (traceRoot[at] ?? 0) ^ (1 << (bit % 8));
      const signed = signedBy(workerKey, honest, { ...receipt, traceRoot });
      const verdict = verify(encodeReceiptFile(signed), contextOf(request), () => once);
      expect(verdict.reason, `bit ${bit}`).toBe("TRACE_WRONG");
    }
  });

  test("other seed: the best of many, claimed to be the right one", () => {
    const seeds = Array.from({ length: 20 }, (_, i) => filled(32, i + 100));
    const others = seeds.filter(
      (seed) => decode(program, honest.order, request.prompt, seed).join() !== honest.output.join(),
    );
    expect(others.length).toBeGreaterThan(0);
    for (const seed of others) expect(judge(request, { seed }).reason).toBe("TOKEN_WRONG");
  });

  test("wrong model: another program under the ordered root", () => {
    const { endTokens } = program;
    const cheaper = { ...randomProgram(12), endTokens };
    expect(cheaper.vocab).toBe(program.vocab);
    const { ok, checks } = judge(request, { program: cheaper });
    expect(ok).toBe(false);
    expect(checks[11]).toMatchObject({ status: "FAIL", reason: "TRACE_WRONG" });
  });

  test.each<[string, Reason, (output: readonly number[]) => readonly number[]]>([
    ["early stop: the answer cut", "LENGTH_BELOW_LIMIT", (output) => output.slice(0, 1)],
    ["early stop: an end token put in", "TOKEN_WRONG", (output) => [...output.slice(0, 1), 4]],
    ["padded output", "OUTPUT_ABOVE_LIMIT", (output) => [...output, 0]],
  ])("%s", (_name, reason, output) => {
    expect(honest.output[1]).not.toBe(4);
    expect(judge(request, { output }).reason).toBe(reason);
  });
});
