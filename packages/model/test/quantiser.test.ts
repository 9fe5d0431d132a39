import { bytesToHex } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { checkProgram } from "../src/check.ts";
import type { LlamaGeometry, LlamaModel } from "../src/float-llama.ts";
import { interpret } from "../src/interpreter/interpret.ts";
import type { Operator, Program } from "../src/program.ts";
import {
  createFloatSession,
  type LogitRows,
  measureQuality,
  quantiseLlama,
} from "../src/quantiser/index.ts";
import { programRoot } from "../src/roots.ts";
import { normal, randomLlama, randomTokens, SMALL } from "./random-llama.ts";

function quantise(model: LlamaModel, context?: number): Program {
  const calibration = randomTokens(model.geometry.vocab, 8, 16, 5);
  return quantiseLlama(model, {
    calibration,
    assets: [],
    ...(context === undefined ? {} : { context }),
  });
}

const floatRows =
  (model: LlamaModel): LogitRows =>
  (tokens) => {
    const session = createFloatSession(model);
    return tokens.map((token) => session.step(token));
  };

const integerRows =
  (program: Program): LogitRows =>
  (tokens) =>
    interpret(program, tokens).map(({ logits }) => Float64Array.from(logits, (v) => v / 1024));

/** The model with each row of weights on its 8-bit grid: what the integer program computes, but for activations. */
function roundWeights(model: LlamaModel): LlamaModel {
  const { hidden, heads, headDim, intermediate } = model.geometry;
  const rounded = (weight: Float32Array, width: number) =>
    weight.map((value, i) => {
      const start = i - (i % width);
      const unit =
        weight.subarray(start, start + width).reduce((a, b) => Math.max(a, Math.abs(b)), 0) / 127;
      return unit === 0 ? 0 : Math.round(value / unit) * unit;
    });
  return {
    ...model,
    embedding: rounded(model.embedding, hidden),
    head: model.head && rounded(model.head, hidden),
    layers: model.layers.map((layer) => ({
      ...layer,
      query: rounded(layer.query, hidden),
      key: rounded(layer.key, hidden),
      value: rounded(layer.value, hidden),
      attentionOutput: rounded(layer.attentionOutput, heads * headDim),
      gate: rounded(layer.gate, hidden),
      up: rounded(layer.up, hidden),
      down: rounded(layer.down, intermediate),
    })),
  };
}

const operatorsOf = <Name extends Operator["op"]>(program: Program, name: Name) =>
  program.operators.filter(
    (operator): operator is Extract<Operator, { op: Name }> => operator.op === name,
  );

/** Root of the mean square of all logits. */
function spread(rows: LogitRows, sequences: readonly number[][]): number {
  const logits = sequences.flatMap((tokens) => rows(tokens).flatMap((row) => Array.from(row)));
  return Math.sqrt(logits.reduce((sum, value) => sum + value * value, 0) / logits.length);
}

/** Accepted by the check, and equal to the model of rounded weights but for `part` of the logits' size. */
function expectFaithful(model: LlamaModel, program: Program, part = 0.002): void {
  const checked = checkProgram(program);
  expect(checked.ok ? "" : checked.message).toBe("");
  const sequences = randomTokens(model.geometry.vocab, 2, 14, 9);
  const peer = floatRows(roundWeights(model));
  const { meanError } = measureQuality(peer, integerRows(program), sequences);
  expect(meanError / spread(peer, sequences)).toBeLessThan(part);
}

const GEOMETRIES: Readonly<Record<string, Partial<LlamaGeometry>>> = {
  "grouped queries": {},
  "one head of 64, as wide as the row": { hidden: 64, heads: 1, keyValueHeads: 1, headDim: 64 },
  "3 : 1 grouped queries in a row of 192": {
    hidden: 192,
    heads: 3,
    keyValueHeads: 1,
    headDim: 64,
    intermediate: 200,
    layers: 1,
  },
  "heads wider than the row": { heads: 6, keyValueHeads: 3, headDim: 16, intermediate: 33 },
  "no width a multiple of 8": {
    hidden: 30,
    heads: 5,
    keyValueHeads: 5,
    headDim: 6,
    intermediate: 67,
  },
  "heads of two": { heads: 3, keyValueHeads: 3, headDim: 2 },
  "one layer": { layers: 1 },
};

describe("random models", () => {
  test.each(Object.entries(GEOMETRIES))("%s", (_name, change) => {
    const model = randomLlama({ ...SMALL, ...change }, 3);
    expectFaithful(model, quantise(model));
  });

  test("a head of its own, after gains of either sign", () => {
    const model = randomLlama(SMALL, 4, false);
    expect(model.finalNorm.some((gain) => gain < 0)).toBe(true);
    const program = quantise(model);
    expectFaithful(model, program);
    expect(operatorsOf(program, "matmul").at(-1)?.weight).not.toBe(
      operatorsOf(program, "embed")[0]?.weight,
    );
  });

  test("a tied head shares the embedding's tensor", () => {
    const program = quantise(randomLlama(SMALL, 3));
    expect(operatorsOf(program, "matmul").at(-1)?.weight).toBe(
      operatorsOf(program, "embed")[0]?.weight,
    );
  });

  test("a tied head does not, where a gain of the final norm is negative", () => {
    const model = randomLlama(SMALL, 3);
    const finalNorm = model.finalNorm.with(5, -1);
    const program = quantise({ ...model, finalNorm });
    expectFaithful({ ...model, finalNorm }, program);
    expect(operatorsOf(program, "matmul").at(-1)?.weight).not.toBe(
      operatorsOf(program, "embed")[0]?.weight,
    );
  });
});

describe("hard weights", () => {
  const changed = (change: (model: LlamaModel) => void): LlamaModel => {
    const model = structuredClone(randomLlama(SMALL, 6));
    change(model);
    return model;
  };

  test.each<[string, (model: LlamaModel) => void]>([
    ["a gain of zero", ({ layers }) => layers[0]?.attentionNorm.fill(0, 3, 4)],
    ["rows of zeros", ({ layers }) => layers[0]?.up.fill(0, 0, 64)],
    ["a layer of zeros", ({ layers }) => layers[1]?.down.fill(0)],
    ["values of zero", ({ layers }) => layers[1]?.value.fill(0)],
    ["queries of zero", ({ layers }) => layers[1]?.query.fill(0)],
    ["a token of zeros", ({ embedding }) => embedding.fill(0, 32, 64)],
    [
      "a token 100 times the others",
      ({ embedding }) => embedding.set(embedding.subarray(0, 32).map((value) => 100 * value)),
    ],
    [
      "tiny outputs",
      ({ layers }) => layers[0]?.down.set(layers[0].down.map((value) => value / 1e4)),
    ],
  ])("%s", (_name, change) => {
    const model = changed(change);
    expectFaithful(model, quantise(model));
  });

  test("a row that leaves room for fewer bits", () => {
    const model = randomLlama({ ...SMALL, layers: 1, intermediate: 400 }, 6);
    // 400 weights of 127: (2^13 − 1)·50800 fits 2^29, (2^14 − 1)·50800 does not.
    model.layers[0]?.down.fill(0.02, 0, 400);
    const program = quantise(model);
    expect(operatorsOf(program, "rowscale").map(({ bits }) => bits)).toEqual([15, 15, 13, 15]);
    expectFaithful(model, program);
  });
});

describe("gains", () => {
  test("of any size, where weights move on their grid to make up for the multipliers' rounding", () => {
    const model = randomLlama(SMALL, 6);
    const next = normal(11);
    for (const { attentionNorm, mlpNorm } of model.layers) {
      attentionNorm.forEach((_, i) => {
        attentionNorm[i] = 1 + next();
        mlpNorm[i] = 1 + next();
      });
      mlpNorm.set([0.003, 30, -0.0001]);
    }
    expectFaithful(model, quantise(model), 0.02);
  });
});

describe("determinism", () => {
  test("the same model and text give the same root", () => {
    const roots = [1, 2].map(() => bytesToHex(programRoot(quantise(randomLlama(SMALL, 7)))));
    expect(roots[0]).toBe(roots[1]);
  });

  test("no function of Math that engines may differ in is used", () => {
    const names = ["exp", "log", "pow", "sin", "cos", "tanh", "expm1", "log2", "cbrt"] as const;
    const originals = names.map((name) => Object.getOwnPropertyDescriptor(Math, name));
    const expected = bytesToHex(programRoot(quantise(randomLlama(SMALL, 7))));
    try {
      for (const name of names) {
        Object.defineProperty(Math, name, {
          configurable: true,
          value: () => {
            throw new Error(`Math.${name} was called`);
          },
        });
      }
      expect(bytesToHex(programRoot(quantise(randomLlama(SMALL, 7))))).toBe(expected);
    } finally {
      for (const [i, name] of names.entries()) {
        Object.defineProperty(Math, name, originals[i] ?? {});
      }
    }
  });
});

describe("options and refusals", () => {
  test("a shorter context, and the end tokens", () => {
    const program = quantise(randomLlama(SMALL, 8), 20);
    expect([program.context, program.endTokens]).toEqual([20, [2]]);
    expect(checkProgram(program).ok).toBe(true);
  });

  const refusal = (detail: object) =>
    expect.objectContaining({ detail: expect.objectContaining(detail) });

  test("no more context than the model has", () => {
    expect(() => quantise(randomLlama(SMALL, 8), 33)).toThrow(
      refusal({ code: "QUANTISER_GEOMETRY", field: "context", limit: 32, actual: 33 }),
    );
  });

  test("more layers than the residual stream holds", () => {
    const model = randomLlama({ ...SMALL, layers: 64, intermediate: 1 }, 8);
    expect(() => quantise(model)).toThrow(refusal({ code: "QUANTISER_GEOMETRY", limit: 63 }));
  });

  test("no calibration text", () => {
    const options = { calibration: [[]], assets: [] };
    expect(() => quantiseLlama(randomLlama(SMALL, 8), options)).toThrow(
      refusal({ code: "QUANTISER_CALIBRATION_EMPTY" }),
    );
  });

  test("a model that overflows", () => {
    const model = randomLlama(SMALL, 8);
    model.layers[0]?.up.fill(3e38);
    model.layers[0]?.gate.fill(3e38);
    model.layers[0]?.down.fill(3e38);
    const huge = { ...model, geometry: { ...SMALL, epsilon: 1e-300 } };
    huge.layers[0]?.mlpNorm.fill(3e38);
    huge.layers[1]?.mlpNorm.fill(3e38);
    huge.layers[1]?.gate.fill(3e38);
    huge.layers[1]?.up.fill(3e38);
    expect(() => quantise(huge)).toThrow(refusal({ code: "QUANTISER_SCALE" }));
  });

  test("a row too heavy for 8 bits", () => {
    const model = randomLlama({ ...SMALL, layers: 1, intermediate: 17_000 }, 8);
    model.layers[0]?.down.fill(1);
    expect(() => quantiseLlama(model, { calibration: [[1]], assets: [] })).toThrow(
      refusal({ code: "QUANTISER_WIDTH", what: "layer 0, down projection" }),
    );
  });

  test("a token that the model does not have, or one position too many", () => {
    const model = randomLlama(SMALL, 8);
    const options = (calibration: number[][]) => ({ calibration, assets: [] });
    expect(() => quantiseLlama(model, options([[48]]))).toThrow("token 48 is not in 0 … 47");
    expect(() => quantiseLlama(model, options([Array(33).fill(1)]))).toThrow("32 positions");
  });
});
