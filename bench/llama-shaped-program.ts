/** A program with the operators and shapes of a small Llama and weights that mean nothing: speed does not depend on them. */

import { type Operator, type Program, rowStride, type Tensor } from "@assay/model";

export interface LlamaShape {
  readonly context: number;
  readonly vocab: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly cacheHeads: number;
  readonly headDim: number;
  readonly intermediate: number;
}

/** The shape of models/demo. */
export const DEMO_SHAPE: LlamaShape = {
  context: 512,
  vocab: 512,
  hidden: 128,
  layers: 6,
  heads: 4,
  cacheHeads: 2,
  headDim: 32,
  intermediate: 384,
};

class Builder {
  readonly operators: Operator[] = [];
  readonly tensors: Tensor[] = [];
  readonly #shape: LlamaShape;
  #variables = 0;
  #caches = 0;
  #noise = 1;

  constructor(shape: LlamaShape) {
    this.#shape = shape;
  }

  /** Adds an operator and returns the number of the first variable it defines. */
  push(operator: Operator, defines: number = 1): number {
    this.operators.push(operator);
    const first = this.#variables;
    this.#variables += defines;
    return first;
  }

  append(x: number): number {
    this.push({ op: "append", x }, 0);
    return this.#caches++;
  }

  #tensor(tensor: Tensor): number {
    this.tensors.push(tensor);
    return this.tensors.length - 1;
  }

  matrix(n: number, k: number): number {
    const stride = rowStride(k);
    const data = new Int8Array(n * stride);
    for (let row = 0; row < n; row++) {
      for (let i = 0; i < k; i++) {
        this.#noise = (Math.imul(this.#noise, 1103515245) + 12345) | 0;
        data[row * stride + i] = (this.#noise >> 16) % 41;
      }
    }
    return this.#tensor({ type: "int8", dims: [n, k], data });
  }

  multipliers(n: number): number {
    return this.#tensor({ type: "uint16", dims: [n], data: new Uint16Array(n).fill(12000) });
  }

  angles(): number {
    const { context, headDim } = this.#shape;
    const data = new Int16Array(context * headDim).fill(11585);
    return this.#tensor({ type: "int16", dims: [context, headDim / 2, 2], data });
  }

  normalised(state: number): number {
    const { hidden } = this.#shape;
    const x = this.push({ op: "rowscale", x: state, bits: 15 }, 2);
    const multiplier = this.multipliers(hidden);
    const exponent = x + 1;
    const attributes = { epsilon: 100, s: 4, t: 14, bound: 4095 };
    return this.push({ op: "rmsnorm", x, exponent, multiplier, ...attributes });
  }

  projected(x: number, k: number, n: number, bound: number): number {
    const acc = this.push({ op: "matmul", x, weight: this.matrix(n, k), bias: null });
    const multiplier = this.multipliers(n);
    return this.push({ op: "requant16", x: acc, multiplier, s: 8, t: 14, bound });
  }

  added(state: number, x: number, k: number, exponent: number | null): number {
    const { hidden } = this.#shape;
    const acc = this.push({ op: "matmul", x, weight: this.matrix(hidden, k), bias: null });
    const multiplier = this.multipliers(hidden);
    const b = this.push({ op: "requant24", x: acc, exponent, multiplier, s: 20 });
    return this.push({ op: "add", a: state, b });
  }

  attention(state: number, table: number): number {
    const { hidden, heads, cacheHeads, headDim } = this.#shape;
    const x = this.normalised(state);
    const turn = (width: number): number => {
      const projected = this.projected(x, hidden, width, 8191);
      return this.push({ op: "rope", x: projected, table, headDim, s: 15, bound: 2047 });
    };
    const q = turn(heads * headDim);
    const keys = this.append(turn(cacheHeads * headDim));
    const values = this.append(this.projected(x, hidden, cacheHeads * headDim, 8191));
    const scores = this.push({ op: "qk", q, cache: keys, headDim, heads });
    const p = this.push(
      { op: "softmax", x: scores, multiplier: this.multipliers(heads), s: 12 },
      2,
    );
    const o = this.push({ op: "pv", p, cache: values, headDim, heads });
    const attributes = { headDim, s: 14, t: 15, bound: 4095 };
    const mixed = this.push({ op: "pnorm", x: o, mass: p + 1, ...attributes });
    return this.added(state, mixed, heads * headDim, null);
  }

  network(state: number): number {
    const { hidden, intermediate } = this.#shape;
    const x = this.normalised(state);
    const gate = this.projected(x, hidden, intermediate, 32767);
    const a = this.push({ op: "table", x: gate, table: 1 });
    const b = this.projected(x, hidden, intermediate, 8191);
    const product = this.push({ op: "mul", a, b });
    const scaled = this.push({ op: "rowscale", x: product, bits: 12 }, 2);
    return this.added(state, scaled, intermediate, scaled + 1);
  }
}

export function llamaShapedProgram(shape: LlamaShape): Program {
  const builder = new Builder(shape);
  const { context, vocab, hidden, layers } = shape;
  const table = builder.angles();
  const weight = builder.matrix(vocab, hidden);
  const multiplier = builder.multipliers(vocab);
  let state = builder.push({ op: "embed", weight, multiplier, s: 4 });
  const blocks = Array.from({ length: layers }, () => {
    state = builder.network(builder.attention(state, table));
    return { end: builder.operators.length, state };
  });
  const last = builder.normalised(state);
  const logits = builder.push({ op: "matmul", x: last, weight, bias: null });
  const by = builder.multipliers(vocab);
  builder.push({ op: "requant24", x: logits, exponent: null, multiplier: by, s: 10 });
  const { operators, tensors } = builder;
  return { context, vocab, operators, blocks, tensors, assets: [], endTokens: [] };
}
