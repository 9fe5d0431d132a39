/**
 * Builds random programs operator by operator. It keeps the bound of every variable and picks
 * attributes and weights at, or just inside, what the bounds allow, so that `checkProgram` accepts.
 */

import { type Operator, type Program, rowStride, type Tensor } from "../program.ts";
import type { Random } from "./random.ts";

/** A variable of kind row. */
export interface RowVariable {
  readonly id: number;
  readonly width: number;
  readonly bound: number;
}

/** A variable of kind exponent, with its largest value. */
export interface ExponentVariable {
  readonly id: number;
  readonly largest: number;
}

/** What `rowscale` gives. */
export interface ScaledRow {
  readonly x: RowVariable;
  readonly exponent: ExponentVariable;
}

export interface CacheRows {
  readonly id: number;
  readonly width: number;
  readonly bound: number;
}

const LIMIT = 2 ** 29;
const RESIDUAL_BOUND = 2 ** 22;
const bitlen = (a: number): number => 32 - Math.clz32(a);
const half = (s: number): number => (s === 0 ? 0 : 2 ** (s - 1));
const within = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);

export class ProgramBuilder {
  readonly #random: Random;
  readonly #operators: Operator[] = [];
  readonly #tensors: Tensor[] = [];
  readonly #blocks: { readonly end: number; readonly state: number }[] = [];
  readonly #context: number;
  readonly #vocab: number;
  #variables = 0;
  #caches = 0;

  constructor(random: Random, context: number, vocab: number) {
    this.#random = random;
    this.#context = context;
    this.#vocab = vocab;
  }

  embed(width: number): RowVariable {
    const weight = this.#matrix(this.#vocab, width, 1).id;
    const s = this.#random.pick([0, 0, 1, 7, 20]);
    const { id: multiplier, largest } = this.#multipliers(this.#vocab, 16383);
    this.#operators.push({ op: "embed", weight, multiplier, s });
    return this.#row(width, Math.floor((127 * largest + half(s)) / 2 ** s));
  }

  /** null where the sum might not fit. */
  add(a: RowVariable, b: RowVariable): RowVariable | null {
    if (a.width !== b.width || a.bound + b.bound >= LIMIT) return null;
    this.#operators.push({ op: "add", a: a.id, b: b.id });
    return this.#row(a.width, a.bound + b.bound);
  }

  /** null where the product might not fit. */
  mul(a: RowVariable, b: RowVariable): RowVariable | null {
    if (a.width !== b.width || a.bound * b.bound >= LIMIT) return null;
    this.#operators.push({ op: "mul", a: a.id, b: b.id });
    return this.#row(a.width, a.bound * b.bound);
  }

  /** null where rounding might not fit. */
  rowscale(x: RowVariable): ScaledRow | null {
    const bits = this.#random.int(8, 15);
    const largest = Math.max(0, bitlen(x.bound) - bits);
    if (x.bound + half(largest) >= LIMIT) return null;
    this.#operators.push({ op: "rowscale", x: x.id, bits });
    return {
      x: this.#row(x.width, 2 ** bits - 1),
      exponent: { id: this.#variables++, largest },
    };
  }

  rmsnorm(scaled: ScaledRow): RowVariable {
    const bound = this.#bound(32767);
    this.#operators.push({
      op: "rmsnorm",
      x: scaled.x.id,
      exponent: scaled.exponent.id,
      multiplier: this.#multipliers(scaled.x.width, 16383).id,
      epsilon: this.#random.pick([0, 1, 4096, this.#random.int(0, LIMIT - 1), LIMIT - 1]),
      s: this.#random.pick([0, 1, 2, 3, 4, 5, 12]),
      t: this.#narrowing(bound),
      bound,
    });
    return this.#row(scaled.x.width, bound);
  }

  /** @param x at most 32767 */
  matmul(x: RowVariable, width: number): RowVariable {
    const { id: weight, sums } = this.#matrix(width, x.width, x.bound);
    const bounds = sums.map((sum) => x.bound * sum);
    const bias = this.#random.chance(50) ? this.#bias(bounds) : null;
    this.#operators.push({ op: "matmul", x: x.id, weight, bias: bias?.id ?? null });
    return this.#row(width, Math.max(...(bias?.bounds ?? bounds)));
  }

  /** @param largest the largest bound that what reads the result can take */
  requant16(x: RowVariable, largest: number): RowVariable {
    const natural = within(bitlen(x.bound) - 15 - this.#random.int(0, 4), 0, 28);
    let s = this.#random.chance(75) ? natural : this.#random.pick([0, 1, 28]);
    while (x.bound + half(s) >= LIMIT) s--;
    const bound = this.#bound(largest);
    const multiplier = this.#multipliers(x.width, 16383).id;
    const t = this.#narrowing(bound);
    this.#operators.push({ op: "requant16", x: x.id, multiplier, s, t, bound });
    return this.#row(x.width, bound);
  }

  requant24(x: RowVariable, exponent: ExponentVariable | null = null): RowVariable {
    const s = this.#shift24(x.bound, exponent?.largest ?? 0);
    const multiplier = this.#multipliers(x.width, largestMultiplier(x.bound, s)).id;
    this.#operators.push({
      op: "requant24",
      x: x.id,
      exponent: exponent?.id ?? null,
      multiplier,
      s,
    });
    return this.#row(x.width, RESIDUAL_BOUND);
  }

  /** @param x at most 32767 */
  table(x: RowVariable): RowVariable {
    this.#operators.push({ op: "table", x: x.id, table: 1 });
    return this.#row(x.width, 32767);
  }

  /**
   * @param x at most 16383
   * @param headDim even
   */
  rope(x: RowVariable, headDim: number, largest: number): RowVariable {
    let s = this.#random.pick([14, 14, 13, 0, 15]);
    while (x.bound * 2 ** 15 + half(s) >= LIMIT) s--;
    const bound = this.#bound(largest);
    const table = this.#angles(headDim / 2);
    this.#operators.push({ op: "rope", x: x.id, table, headDim, s, bound });
    return this.#row(x.width, bound);
  }

  /** @param x at most 32767 */
  append(x: RowVariable): CacheRows {
    this.#operators.push({ op: "append", x: x.id });
    return { id: this.#caches++, width: x.width, bound: x.bound };
  }

  /**
   * Attention of `q` over two caches: qk, softmax, pv and pnorm.
   *
   * @param k headDim × bound(q) × bound(k) fits
   * @param v at most 16383
   */
  attention(q: RowVariable, k: CacheRows, v: CacheRows, headDim: number): RowVariable {
    const heads = q.width / headDim;
    this.#operators.push({ op: "qk", q: q.id, cache: k.id, headDim, heads });
    const scores = this.#row(heads, headDim * q.bound * k.bound);
    const s = this.#shift24(scores.bound, 0);
    const multiplier = this.#multipliers(heads, largestMultiplier(scores.bound, s)).id;
    this.#operators.push({ op: "softmax", x: scores.id, multiplier, s });
    const p = this.#variables++;
    const mass = this.#variables++;
    this.#operators.push({ op: "pv", p, cache: v.id, headDim, heads });
    const o = this.#row(q.width, 2 ** 15 * v.bound);
    let shift = this.#random.pick([14, 14, 15, 10, 0]);
    while (o.bound + half(shift) >= LIMIT) shift--;
    const bound = this.#bound(32767);
    const t = this.#random.int(15, 17);
    this.#operators.push({ op: "pnorm", x: o.id, mass, headDim, s: shift, t, bound });
    return this.#row(q.width, bound);
  }

  endBlock(state: RowVariable): void {
    this.#blocks.push({ end: this.#operators.length, state: state.id });
  }

  finish(): Program {
    return {
      context: this.#context,
      vocab: this.#vocab,
      operators: this.#operators,
      blocks: this.#blocks,
      tensors: this.#tensors,
      assets: [],
      endTokens: this.#random.chance(50) ? [this.#vocab - 1] : [],
    };
  }

  #row(width: number, bound: number): RowVariable {
    return { id: this.#variables++, width, bound };
  }

  #tensor(tensor: Tensor): number {
    this.#tensors.push(tensor);
    return this.#tensors.length - 1;
  }

  /** Output bounds are often the largest, sometimes tiny. */
  #bound(largest: number): number {
    return this.#random.pick([
      largest,
      largest,
      Math.min(largest, 2047),
      this.#random.int(1, largest),
      1,
    ]);
  }

  /** A second shift that brings u·M near to `bound`, or one of the extremes. */
  #narrowing(bound: number): number {
    const natural = within(28 - bitlen(bound) - this.#random.int(0, 4), 0, 16);
    return this.#random.chance(75) ? natural : this.#random.pick([0, 1, 16]);
  }

  #shift24(bound: number, least: number): number {
    const natural = within(bitlen(bound) - this.#random.int(12, 24), 0, 28);
    const s = this.#random.chance(75) ? natural : this.#random.pick([0, 1, 28]);
    return Math.max(s, least);
  }

  #multipliers(count: number, most: number): { id: number; largest: number } {
    const random = this.#random;
    const isExtreme = random.chance(30);
    const data = Uint16Array.from({ length: count }, () =>
      isExtreme ? random.pick([1, 2, most, most]) : random.int(1, most),
    );
    const id = this.#tensor({ type: "uint16", dims: [count], data });
    return { id, largest: Math.max(...data) };
  }

  /** Weights, at their extremes as often as not, of which each row fits inputs up to `bound`. */
  #matrix(rows: number, k: number, bound: number): { id: number; sums: number[] } {
    const random = this.#random;
    const style = random.pick(["extreme", "extreme", "uniform", "small", "sparse"]);
    const draw = {
      extreme: (): number => (random.chance(90) ? random.pick([-127, 127]) : random.int(-3, 3)),
      uniform: (): number => random.int(-127, 127),
      small: (): number => random.int(-9, 9),
      sparse: (): number => (random.chance(90) ? 0 : random.int(-127, 127)),
    }[style];
    const stride = rowStride(k);
    const data = new Int8Array(rows * stride);
    const most = Math.floor((LIMIT - 1) / Math.max(bound, 1));
    const sums: number[] = [];
    for (let n = 0; n < rows; n++) {
      const oneSign = random.chance(20);
      let room = most;
      for (let i = 0; i < k; i++) {
        const weight = oneSign ? Math.abs(draw()) : draw();
        const fitting = within(weight, -room, room);
        data[n * stride + i] = fitting;
        room -= Math.abs(fitting);
      }
      sums.push(most - room);
    }
    return { id: this.#tensor({ type: "int8", dims: [rows, k], data }), sums };
  }

  /** Biases up to the last unit that the rows' bounds leave, and the bounds that follow. */
  #bias(bounds: readonly number[]): { id: number; bounds: number[] } {
    const random = this.#random;
    const isExtreme = random.chance(30);
    const data = Int32Array.from(bounds, (bound) => {
      const room = LIMIT - 1 - bound;
      if (isExtreme) return random.pick([-room, room]);
      return random.int(-Math.min(room, 2 ** 20), Math.min(room, 2 ** 20));
    });
    const id = this.#tensor({ type: "int32", dims: [bounds.length], data });
    return { id, bounds: bounds.map((bound, n) => bound + Math.abs(data[n] ?? 0)) };
  }

  /** Pairs of cos and sin that need not lie on the circle: the rule bounds each alone. */
  #angles(pairs: number): number {
    const random = this.#random;
    const isExtreme = random.chance(30);
    const data = Int16Array.from({ length: this.#context * pairs * 2 }, () =>
      isExtreme ? random.pick([-16384, 16384]) : random.int(-16384, 16384),
    );
    return this.#tensor({ type: "int16", dims: [this.#context, pairs, 2], data });
  }
}

/** The largest multiplier for which a requant24 of values up to `bound` with shift s fits. */
function largestMultiplier(bound: number, s: number): number {
  let m = 16383;
  while (Math.floor((bound * m) / 2 ** 14) + 1 + half(s) >= LIMIT) m--;
  return m;
}
