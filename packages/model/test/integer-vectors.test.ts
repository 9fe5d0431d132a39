import { bytesToHex, hexToBytes } from "@assay/wire";
import { describe, expect, test } from "vitest";
import {
  checkProgram,
  chooseToken,
  decodeProgram,
  encodeProgram,
  interpret,
  interpretedTraceRoot,
  programRoot,
  type Tensor,
} from "../src/index.ts";
import { namedIn, requant16, requant24, rshift } from "../src/interpreter/arithmetic.ts";
import { pnorm, pv, qk, softmax } from "../src/interpreter/attention-operators.ts";
import { embed, matmul, rmsnorm, rope, rowscale, table } from "../src/interpreter/row-operators.ts";
import { readVectors } from "./vectors.ts";

const named = namedIn("test", 0);

describe("requantisation", () => {
  interface Vectors {
    "rshift: x, s, y": [number, number, number][];
    "requant16: acc, s, M, t, B, y": [number, number, number, number, number, number][];
    "requant24: acc, M, s, y": [number, number, number, number][];
  }
  const vectors = readVectors<Vectors>("requant.json");

  test("rshift", () => {
    for (const [x, s, y] of vectors["rshift: x, s, y"]) {
      expect([x, s, rshift(named, "x", x, s)]).toEqual([x, s, y]);
    }
  });

  test("requant16", () => {
    for (const [acc, s, m, t, bound, y] of vectors["requant16: acc, s, M, t, B, y"]) {
      const actual = requant16(named, acc, { s, t, bound }, m);
      expect([acc, s, m, t, bound, actual]).toEqual([acc, s, m, t, bound, y]);
    }
  });

  test("requant24", () => {
    for (const [acc, m, s, y] of vectors["requant24: acc, M, s, y"]) {
      expect([acc, m, s, requant24(named, acc, m, s)]).toEqual([acc, m, s, y]);
    }
  });
});

describe("operators", () => {
  type Shift = { s: number; t: number; bound: number };
  type Heads = { headDim: number; heads: number };
  type Case =
    | { op: "embed"; s: number; weight: number[]; multiplier: number; y: number[] }
    | { op: "rowscale"; bits: number; x: number[]; y: number[]; exponent: number }
    | ({
        op: "rmsnorm";
        epsilon: number;
        x: number[];
        exponent: number;
        multiplier: number[];
        y: number[];
      } & Shift)
    | { op: "matmul"; x: number[]; weight: number[][]; bias: number[] | null; y: number[] }
    | { op: "table"; table: 1; x: number[]; y: number[] }
    | {
        op: "rope";
        headDim: number;
        s: number;
        bound: number;
        x: number[];
        angles: [number, number][];
        y: number[];
      }
    | ({ op: "qk"; q: number[]; cache: number[][]; y: number[][] } & Heads)
    | {
        op: "softmax";
        s: number;
        x: number[][];
        multiplier: number[];
        y: number[][];
        mass: number[];
      }
    | ({ op: "pv"; p: number[][]; cache: number[][]; y: number[] } & Heads)
    | ({ op: "pnorm"; headDim: number; x: number[]; mass: number[]; y: number[] } & Shift);
  const { operators } = readVectors<{ operators: Case[] }>("operators.json");

  const multiplier = (values: number[]): Tensor => ({
    type: "uint16",
    dims: [values.length],
    data: Uint16Array.from(values),
  });
  const id = 0;

  function matrix(rows: number[][]): Tensor {
    const k = rows[0]?.length ?? 0;
    const stride = Math.ceil(k / 64) * 64;
    const padded = rows.flatMap((row) => [...row, ...new Array<number>(stride - k).fill(0)]);
    return { type: "int8", dims: [rows.length, k], data: Int8Array.from(padded) };
  }

  /** What the interpreter makes of the case: its outputs, in order. */
  function outputs(o: Case): unknown[] {
    switch (o.op) {
      case "embed": {
        const m = multiplier([1, o.multiplier]);
        const operator = { ...o, weight: id, multiplier: id };
        return [embed(named, operator, matrix([o.y.map(() => 0), o.weight]), m, 1)];
      }
      case "rowscale":
        return rowscale(named, { ...o, x: id }, o.x);
      case "rmsnorm":
        return [
          rmsnorm(
            named,
            { ...o, x: id, exponent: id, multiplier: id },
            o.x,
            o.exponent,
            multiplier(o.multiplier),
          ),
        ];
      case "matmul": {
        const bias: Tensor | null =
          o.bias === null
            ? null
            : { type: "int32", dims: [o.bias.length], data: Int32Array.from(o.bias) };
        return [matmul(named, o.x, matrix(o.weight), bias)];
      }
      case "table":
        return [table(o.x)];
      case "rope": {
        const data = Int16Array.from(o.angles.flat());
        const angles: Tensor = { type: "int16", dims: [1, o.angles.length, 2], data };
        return [rope(named, { ...o, x: id, table: id }, o.x, angles, 0)];
      }
      case "qk":
        return [qk(named, { ...o, q: id, cache: id }, o.q, o.cache)];
      case "softmax":
        return softmax(named, { ...o, x: id, multiplier: id }, o.x, multiplier(o.multiplier));
      case "pv":
        return [pv(named, { ...o, p: id, cache: id }, o.p, o.cache)];
      case "pnorm":
        return [pnorm(named, { ...o, x: id, mass: id }, o.x, o.mass)];
    }
  }

  test.each(operators.map((o, i) => ({ i, o })))("$i: $o.op", ({ o }) => {
    const second = o.op === "rowscale" ? [o.exponent] : o.op === "softmax" ? [o.mass] : [];
    expect(outputs(o)).toEqual([o.y, ...second]);
  });
});

interface Choice {
  invTemperature: number;
  topP: number;
  seed: string;
  position: number;
  token: number;
}
interface ProgramCase {
  name: string;
  hex: string;
  root: string;
  tokens: number[];
  logits: number[][];
  traceRoot: string;
  choices: Choice[];
}
const vectors = readVectors<{
  programs: ProgramCase[];
  choices: (Choice & { logits: number[] })[];
}>("program.json");

describe.each(vectors.programs)("program: $name", (vector) => {
  const bytes = hexToBytes(vector.hex);
  const program = decodeProgram(bytes);

  test("decodes and encodes to the same bytes, is accepted, and has its root", () => {
    expect(encodeProgram(program)).toEqual(bytes);
    expect(checkProgram(program)).toEqual(expect.objectContaining({ ok: true }));
    expect(bytesToHex(programRoot(program))).toBe(vector.root);
  });

  test("gives the logits, the trace root and the tokens", () => {
    const positions = interpret(program, vector.tokens);
    expect(positions.map(({ logits }) => [...logits])).toEqual(vector.logits);
    expect(bytesToHex(interpretedTraceRoot(positions))).toBe(vector.traceRoot);
    for (const { position, seed, token, ...sampling } of vector.choices) {
      const logits = vector.logits[position] ?? [];
      expect(chooseToken(logits, sampling, hexToBytes(seed), position)).toBe(token);
    }
  });
});

test("choices from given logits", () => {
  for (const { logits, position, seed, token, ...sampling } of vectors.choices) {
    expect(chooseToken(logits, sampling, hexToBytes(seed), position)).toBe(token);
  }
});
