/**
 * The Llama architecture in plain double precision: what the quantiser calibrates on, and the peer that the integer
 * program's quality is measured against.
 *
 * RMSNorm before each half-layer, rotary positions in the "rotate half" layout, grouped-query attention, SwiGLU, no biases,
 * a head of its own or the transposed embedding. Sums run in index order and no function of `Math` but `sqrt` is used,
 * so every JavaScript engine computes the same doubles.
 */

import { cosSin, exp, log } from "./deterministic-math.ts";

export interface LlamaGeometry {
  readonly vocab: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly context: number;
  readonly epsilon: number;
  readonly ropeTheta: number;
}

/** A layer's weights; matrices are row-major [outputs][inputs]. */
export interface LlamaLayer {
  readonly attentionNorm: Float32Array;
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly attentionOutput: Float32Array;
  readonly mlpNorm: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
}

export interface LlamaModel {
  readonly geometry: LlamaGeometry;
  /** [vocab][hidden]. */
  readonly embedding: Float32Array;
  readonly layers: readonly LlamaLayer[];
  readonly finalNorm: Float32Array;
  /** [vocab][hidden], or `null` where the head is the embedding. */
  readonly head: Float32Array | null;
  readonly endTokens: readonly number[];
}

/** The rows of one layer that an {@link Observer} is shown, in order of computation. */
export type LayerSite =
  | "attentionNormed"
  | "attentionInput"
  | "query"
  | "key"
  | "value"
  | "queryRotated"
  | "keyRotated"
  | "attended"
  | "attentionOutput"
  | "mlpNormed"
  | "mlpInput"
  | "gate"
  | "up"
  | "gated"
  | "mlpOutput";

/** The rows outside the layers; they are shown with layer −1. */
export type OuterSite = "finalNormed" | "headInput" | "logits";

/** Sees every intermediate row, before the next one is computed. Must not change it. */
export type Observer = (layer: number, site: LayerSite | OuterSite, row: Float64Array) => void;

export interface FloatSession {
  /** Feeds the next token and returns the logits at its position. */
  step(token: number): Float64Array;
}

/** [context][headDim / 2][cos, sin]. */
export function rotaryAngles(geometry: LlamaGeometry): Float64Array {
  const half = geometry.headDim / 2;
  const table = new Float64Array(geometry.context * half * 2);
  const logTheta = log(geometry.ropeTheta);
  for (let i = 0; i < half; i++) {
    const frequency = exp(-(i / half) * logTheta);
    for (let position = 0; position < geometry.context; position++) {
      const [cos, sin] = cosSin(position * frequency);
      table[2 * (position * half + i)] = cos;
      table[2 * (position * half + i) + 1] = sin;
    }
  }
  return table;
}

function linear(weight: Float32Array, x: Float64Array, outputs: number): Float64Array {
  const y = new Float64Array(outputs);
  const width = x.length;
  for (let n = 0, at = 0; n < outputs; n++) {
    let sum = 0;
    for (let k = 0; k < width; k++, at++) sum += (weight[at] ?? 0) * (x[k] ?? 0);
    y[n] = sum;
  }
  return y;
}

function normalise(x: Float64Array, epsilon: number): Float64Array {
  let sum = 0;
  for (const value of x) sum += value * value;
  const rms = Math.sqrt(sum / x.length + epsilon);
  return x.map((value) => value / rms);
}

const scaled = (x: Float64Array, gain: Float32Array): Float64Array =>
  x.map((value, i) => value * (gain[i] ?? 0));

const sum = (a: Float64Array, b: Float64Array): Float64Array =>
  a.map((value, i) => value + (b[i] ?? 0));

function rotate(
  x: Float64Array,
  angles: Float64Array,
  position: number,
  headDim: number,
): Float64Array {
  const half = headDim / 2;
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += headDim) {
    for (let i = 0; i < half; i++) {
      const cos = angles[2 * (position * half + i)] ?? 0;
      const sin = angles[2 * (position * half + i) + 1] ?? 0;
      const a = x[start + i] ?? 0;
      const b = x[start + i + half] ?? 0;
      y[start + i] = a * cos - b * sin;
      y[start + i + half] = b * cos + a * sin;
    }
  }
  return y;
}

function softmax(scores: Float64Array): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > largest) largest = score;
  let total = 0;
  for (let j = 0; j < scores.length; j++) {
    const weight = exp((scores[j] ?? 0) - largest);
    scores[j] = weight;
    total += weight;
  }
  for (let j = 0; j < scores.length; j++) scores[j] = (scores[j] ?? 0) / total;
}

/** Attention of one position over the cached rows, this position's included. */
function attend(
  query: Float64Array,
  keys: readonly Float64Array[],
  values: readonly Float64Array[],
  geometry: LlamaGeometry,
): Float64Array {
  const { heads, keyValueHeads, headDim } = geometry;
  const output = new Float64Array(heads * headDim);
  const root = Math.sqrt(headDim);
  const scores = new Float64Array(keys.length);
  for (let head = 0; head < heads; head++) {
    const from = head * headDim;
    const shared = Math.floor((head * keyValueHeads) / heads) * headDim;
    keys.forEach((key, j) => {
      let dot = 0;
      for (let d = 0; d < headDim; d++) dot += (query[from + d] ?? 0) * (key[shared + d] ?? 0);
      scores[j] = dot / root;
    });
    softmax(scores);
    values.forEach((value, j) => {
      const weight = scores[j] ?? 0;
      for (let d = 0; d < headDim; d++) {
        output[from + d] = (output[from + d] ?? 0) + weight * (value[shared + d] ?? 0);
      }
    });
  }
  return output;
}

/** x / (1 + e^−x). */
const silu = (x: number): number => (x < -700 ? 0 : x / (1 + exp(-x)));

const ignore: Observer = () => undefined;

/** Starts at position 0 with an empty cache. */
export function createFloatSession(model: LlamaModel, observe: Observer = ignore): FloatSession {
  const { geometry } = model;
  const { hidden, headDim, intermediate, epsilon } = geometry;
  const angles = rotaryAngles(geometry);
  const keys: Float64Array[][] = model.layers.map(() => []);
  const values: Float64Array[][] = model.layers.map(() => []);
  let position = 0;

  const attention = (x: Float64Array, layer: LlamaLayer, at: number): Float64Array => {
    const see = (site: LayerSite, row: Float64Array): Float64Array => {
      observe(at, site, row);
      return row;
    };
    const normed = see("attentionNormed", normalise(x, epsilon));
    const input = see("attentionInput", scaled(normed, layer.attentionNorm));
    const width = geometry.keyValueHeads * headDim;
    const query = see("query", linear(layer.query, input, geometry.heads * headDim));
    const key = see("key", linear(layer.key, input, width));
    const value = see("value", linear(layer.value, input, width));
    const turned = see("queryRotated", rotate(query, angles, position, headDim));
    const layerKeys = keys[at] ?? [];
    const layerValues = values[at] ?? [];
    layerKeys.push(see("keyRotated", rotate(key, angles, position, headDim)));
    layerValues.push(value);
    const attended = see("attended", attend(turned, layerKeys, layerValues, geometry));
    return see("attentionOutput", linear(layer.attentionOutput, attended, hidden));
  };

  const mlp = (x: Float64Array, layer: LlamaLayer, at: number): Float64Array => {
    const see = (site: LayerSite, row: Float64Array): Float64Array => {
      observe(at, site, row);
      return row;
    };
    const normed = see("mlpNormed", normalise(x, epsilon));
    const input = see("mlpInput", scaled(normed, layer.mlpNorm));
    const gate = see("gate", linear(layer.gate, input, intermediate));
    const up = see("up", linear(layer.up, input, intermediate));
    const gated = see(
      "gated",
      gate.map((value, i) => silu(value) * (up[i] ?? 0)),
    );
    return see("mlpOutput", linear(layer.down, gated, hidden));
  };

  return {
    step(token) {
      if (!(Number.isInteger(token) && token >= 0 && token < geometry.vocab)) {
        throw new RangeError(`token ${token} is not in 0 … ${geometry.vocab - 1}`);
      }
      if (position >= geometry.context) {
        throw new RangeError(`the model's ${geometry.context} positions are used up`);
      }
      let x: Float64Array = Float64Array.from(
        model.embedding.subarray(token * hidden, (token + 1) * hidden),
      );
      model.layers.forEach((layer, at) => {
        x = sum(x, attention(x, layer, at));
        x = sum(x, mlp(x, layer, at));
      });
      const normed = normalise(x, epsilon);
      observe(-1, "finalNormed", normed);
      const input = scaled(normed, model.finalNorm);
      observe(-1, "headInput", input);
      const logits = linear(model.head ?? model.embedding, input, geometry.vocab);
      observe(-1, "logits", logits);
      position++;
      return logits;
    },
  };
}
