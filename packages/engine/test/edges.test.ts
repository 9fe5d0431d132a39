/** What random programs are too small for: long rows, large vocabularies, long contexts, queries beyond int16. */

import {
  interpret,
  interpretedTraceRoot,
  type Operator,
  type Program,
  rowStride,
  type Tensor,
} from "@assay/model";
import { Random, randomProgram, randomTokens } from "@assay/model/conformance";
import { expect, test } from "vitest";
import { createEngine } from "../src/index.ts";

const greedy = { invTemperature: 0, topP: 65536 };
const seed = new Uint8Array(32);

function matrix(n: number, k: number, most: number): Tensor {
  const data = new Int8Array(n * rowStride(k));
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < k; i++) {
      data[row * rowStride(k) + i] = (Math.imul(row * 977 + i * 31 + 5, 0x9e3779b1) >> 20) % most;
    }
  }
  return { type: "int8", dims: [n, k], data };
}

function multipliers(n: number, value: number): Tensor {
  return { type: "uint16", dims: [n], data: new Uint16Array(n).fill(value) };
}

/** embed, and a head that multiplies by the same matrix; the state is read as int16 and hashed as int32. */
function embeddingProgram(vocab: number, width: number): Program {
  return {
    context: 128,
    vocab,
    operators: [
      { op: "embed", weight: 0, multiplier: 1, s: 0 },
      { op: "matmul", x: 0, weight: 0, bias: null },
      { op: "requant24", x: 1, exponent: null, multiplier: 1, s: 4 },
    ],
    blocks: [{ end: 1, state: 0 }],
    tensors: [matrix(vocab, width, 10), multipliers(vocab, 100)],
    assets: [],
    endTokens: [],
  };
}

test("state rows of several chunks, and a vocabulary of which few rows of logits fit a pass", () => {
  const engine = createEngine(embeddingProgram(2 ** 16, 300));
  const tokens = Array.from({ length: 70 }, (_, i) => (i * 40503) % 2 ** 16);
  const together = engine.createSession();
  const chosen = together.appendAndChoose(tokens, 69, greedy, seed);
  const alone = engine.createSession();
  const expected = tokens.map((token) => {
    alone.append([token]);
    return alone.choose(greedy, seed);
  });
  expect(chosen).toEqual(expected.slice(1));
  expect(together.logits()).toEqual(alone.logits());
  expect(together.traceRoot()).toEqual(alone.traceRoot());
});

test("state rows of several chunks have the interpreter's trace", () => {
  const program = embeddingProgram(40, 700);
  const tokens = randomTokens(program, new Random(1), 20);
  const session = createEngine(program).createSession();
  session.append(tokens);
  expect(session.traceRoot()).toEqual(interpretedTraceRoot(interpret(program, tokens)));
});

test("queries larger than int16", () => {
  const headDim = 6;
  const attention: Operator[] = [
    { op: "matmul", x: 0, weight: 2, bias: null },
    { op: "requant16", x: 0, multiplier: 3, s: 4, t: 12, bound: 7 },
    { op: "append", x: 2 },
    { op: "qk", q: 1, cache: 0, headDim, heads: 2 },
    { op: "softmax", x: 3, multiplier: 4, s: 8 },
    { op: "pv", p: 4, cache: 0, headDim, heads: 2 },
    { op: "pnorm", x: 6, mass: 5, headDim, s: 3, t: 15, bound: 32767 },
  ];
  const base = embeddingProgram(30, 2 * headDim);
  const [embed, matmul, logits] = base.operators;
  if (embed === undefined || matmul?.op !== "matmul" || logits?.op !== "requant24") throw Error();
  const program: Program = {
    ...base,
    operators: [embed, ...attention, { ...matmul, x: 7 }, { ...logits, x: 8 }],
    blocks: [{ end: 1 + attention.length, state: 7 }],
    tensors: [
      ...base.tensors,
      matrix(2 * headDim, 2 * headDim, 127),
      multipliers(2 * headDim, 9000),
      multipliers(2, 3000),
    ],
  };
  const tokens = randomTokens(program, new Random(2), 100);
  const session = createEngine(program).createSession();
  session.append(tokens);
  const positions = interpret(program, tokens);
  expect(session.logits()).toEqual(positions.at(-1)?.logits);
  expect(session.traceRoot()).toEqual(interpretedTraceRoot(positions));
});

test("a context so long that ragged buffers hold fewer than 64 rows", () => {
  const context = 1500;
  const short = randomProgram(5);
  const tensors = short.tensors.map((tensor): Tensor => {
    if (tensor.type !== "int16") return tensor;
    const [, pairs, two] = tensor.dims;
    const data = new Int16Array(context * pairs * two).fill(11585);
    return { type: "int16", dims: [context, pairs, two], data };
  });
  const program = { ...short, context, tensors };
  expect(program.operators.some(({ op }) => op === "softmax")).toBe(true);
  const engine = createEngine(program);
  const tokens = randomTokens(program, new Random(3));
  const together = engine.createSession();
  together.append(tokens);
  const alone = engine.createSession();
  for (const token of tokens) alone.append([token]);
  expect(together.logits()).toEqual(alone.logits());
  expect(together.traceRoot()).toEqual(alone.traceRoot());
});
