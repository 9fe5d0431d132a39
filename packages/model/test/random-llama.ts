import type { LlamaGeometry, LlamaModel } from "../src/float-llama.ts";

/** Numbers of a normal distribution, the same for the same seed. */
export function normal(seed: number): () => number {
  let state = BigInt(seed) * 2n + 1n;
  const uniform = () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & (2n ** 64n - 1n);
    return Number(state >> 40n) / 2 ** 24;
  };
  return () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, -6);
}

export const SMALL: LlamaGeometry = {
  vocab: 48,
  hidden: 32,
  intermediate: 80,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headDim: 8,
  context: 32,
  epsilon: 1e-5,
  ropeTheta: 10_000,
};

/**
 * A model whose rows have about unit size. Gains are ±1 and ±½: multipliers express them without a rounding that would
 * move weights, fed by them, to another point of their grid.
 */
export function randomLlama(geometry: LlamaGeometry, seed: number, tied = true): LlamaModel {
  const next = normal(seed);
  const { vocab, hidden, intermediate, heads, keyValueHeads, headDim } = geometry;
  const matrix = (outputs: number, inputs: number) =>
    Float32Array.from({ length: outputs * inputs }, () => next() / Math.sqrt(inputs));
  const gain = () =>
    Float32Array.from({ length: hidden }, () => {
      const value = next();
      return (Math.abs(value) < 0.7 ? 0.5 : 1) * Math.sign(value);
    });
  return {
    geometry,
    embedding: matrix(vocab, hidden).map((value) => 3 * value),
    layers: Array.from({ length: geometry.layers }, () => ({
      attentionNorm: gain(),
      query: matrix(heads * headDim, hidden),
      key: matrix(keyValueHeads * headDim, hidden),
      value: matrix(keyValueHeads * headDim, hidden),
      attentionOutput: matrix(hidden, heads * headDim),
      mlpNorm: gain(),
      gate: matrix(intermediate, hidden),
      up: matrix(intermediate, hidden),
      down: matrix(hidden, intermediate),
    })),
    finalNorm: tied ? gain().map(Math.abs) : gain(),
    head: tied ? null : matrix(vocab, hidden),
    endTokens: [2],
  };
}

/** Token sequences of the given length. */
export function randomTokens(vocab: number, count: number, length: number, seed: number) {
  const next = normal(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length }, () => Math.floor(Math.abs(next()) * vocab * 7) % vocab),
  );
}
