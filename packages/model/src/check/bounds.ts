/**
 * The part of `checkProgram` that derives the bound of every variable from the weights, and so shows
 * that every intermediate stays below 2^29 (the width tables of spec/01 §1.2 and §1.5).
 */

import { type Operator, type Program, rowStride, type Tensor } from "../program.ts";
import { Refusal } from "./refusal.ts";
import type { Structure } from "./structure.ts";

const LIMIT = 2 ** 29;
const LARGEST_INT16 = 32767;
const RESIDUAL_BOUND = 2 ** 22;
/** Largest magnitude of the table `silu`. */
const SILU_BOUND = 32767;
/** Largest element that `softmax` gives, and the bound of their sum that spec/01 §1.5.14 takes. */
const SOFTMAX_BOUND = 32764;
const MASS_BOUND = 2 ** 15;
const LARGEST_WEIGHT = 127;

/** What `rshift` by s adds before it divides. */
const half = (s: number): number => (s === 0 ? 0 : 2 ** (s - 1));

function bitlen(a: number): number {
  return a === 0 ? 0 : 32 - Math.clz32(a);
}

class Deriver {
  readonly bounds: number[] = [];
  readonly #program: Program;
  readonly #structure: Structure;
  operator = 0;

  constructor(program: Program, structure: Structure) {
    this.#program = program;
    this.#structure = structure;
  }

  of(variable: number): number {
    return this.bounds[variable] ?? 0;
  }

  ofCache(cache: number): number {
    return this.of(this.#structure.caches[cache]?.source ?? 0);
  }

  tensor(id: number): Tensor {
    const tensor = this.#program.tensors[id];
    if (tensor === undefined) throw new RangeError(`there is no tensor ${id}`);
    return tensor;
  }

  #refuse(code: Refusal["code"], what: string, excess: number, row: number | undefined): never {
    const op = this.#program.operators[this.operator]?.op ?? "";
    const where = `operator ${this.operator} (${op})${row === undefined ? "" : `, row ${row}`}`;
    const place = { operator: this.operator, excess, ...(row === undefined ? {} : { row }) };
    throw new Refusal(code, place, `${where}: ${what} is too large by ${excess}`);
  }

  /** Refuses a named intermediate that may reach 2^29. */
  fits(what: string, bound: number, row?: number): number {
    if (bound >= LIMIT) this.#refuse("CHECK_OVERFLOW", what, bound - (LIMIT - 1), row);
    return bound;
  }

  /** Refuses an input row that may not fit 16 bits. */
  int16(variable: number): number {
    const bound = this.of(variable);
    if (bound > LARGEST_INT16) {
      this.#refuse("CHECK_INPUT_BOUND", "the bound of x", bound - LARGEST_INT16, undefined);
    }
    return bound;
  }

  /** That a requant24 of values up to `bound`, with shifts up to `s`, stays below 2^29. */
  requant24(bound: number, multiplier: number, s: number): void {
    this.tensor(multiplier).data.forEach((m, row) => {
      this.fits("acc·M / 2^14 + 2^(s−1)", Math.floor((bound * m) / 2 ** 14) + 1 + half(s), row);
    });
  }

  shift(s: number, largestExponent: number): void {
    if (s < largestExponent) {
      this.#refuse("CHECK_SHIFT", "the exponent e", largestExponent - s, undefined);
    }
  }
}

/** The bound of every variable, in order. @throws {Refusal} */
export function checkBounds(program: Program, structure: Structure): number[] {
  const deriver = new Deriver(program, structure);
  program.operators.forEach((operator, index) => {
    deriver.operator = index;
    deriver.bounds.push(...outputBounds(deriver, operator));
  });
  return deriver.bounds;
}

function outputBounds(d: Deriver, o: Operator): number[] {
  switch (o.op) {
    case "embed":
      return [embedBound(d, o)];
    case "add":
      return [d.fits("y", d.of(o.a) + d.of(o.b))];
    case "rowscale": {
      const exponent = Math.max(0, bitlen(d.of(o.x)) - o.bits);
      d.fits("x + 2^(e−1)", d.of(o.x) + half(exponent));
      return [2 ** o.bits - 1, exponent];
    }
    case "rmsnorm":
      return [o.bound];
    case "matmul":
      return [matmulBound(d, o)];
    case "requant16":
      d.fits("acc + 2^(s−1)", d.of(o.x) + half(o.s));
      return [o.bound];
    case "requant24":
      if (o.exponent !== null) d.shift(o.s, d.of(o.exponent));
      d.requant24(d.of(o.x), o.multiplier, o.s);
      return [RESIDUAL_BOUND];
    case "table":
      d.int16(o.x);
      return [SILU_BOUND];
    case "mul":
      return [d.fits("y", d.of(o.a) * d.of(o.b))];
    default:
      return attentionBounds(d, o);
  }
}

function embedBound(d: Deriver, o: Extract<Operator, { readonly op: "embed" }>): number {
  let largest = 0;
  for (const m of d.tensor(o.multiplier).data) largest = Math.max(largest, m);
  return Math.floor((LARGEST_WEIGHT * largest + half(o.s)) / 2 ** o.s);
}

function attentionBounds(
  d: Deriver,
  o: Extract<Operator, { readonly op: "rope" | "append" | "qk" | "softmax" | "pv" | "pnorm" }>,
): number[] {
  switch (o.op) {
    case "rope":
      d.fits("x·c ± x·n + 2^(s−1)", 2 * d.of(o.x) * 2 ** 14 + half(o.s));
      return [o.bound];
    case "append":
      d.int16(o.x);
      return [];
    case "qk":
      return [d.fits("y", o.headDim * d.of(o.q) * d.ofCache(o.cache))];
    case "softmax":
      d.requant24(d.of(o.x), o.multiplier, o.s);
      return [SOFTMAX_BOUND, MASS_BOUND];
    case "pv":
      return [d.fits("y", MASS_BOUND * d.ofCache(o.cache))];
    case "pnorm":
      d.fits("o + 2^(s−1)", d.of(o.x) + half(o.s));
      return [o.bound];
  }
}

function matmulBound(d: Deriver, o: Extract<Operator, { readonly op: "matmul" }>): number {
  const x = d.int16(o.x);
  const { dims, data } = d.tensor(o.weight);
  const [rows, k = 0] = dims;
  const stride = rowStride(k);
  const bias = o.bias === null ? null : d.tensor(o.bias).data;
  let largest = 0;
  for (let n = 0; n < rows; n++) {
    let sum = 0;
    for (let i = n * stride; i < n * stride + k; i++) sum += Math.abs(data[i] ?? 0);
    const bound = d.fits("bound(x)·Σ|W| + |bias|", x * sum + Math.abs(bias?.[n] ?? 0), n);
    largest = Math.max(largest, bound);
  }
  return largest;
}
