import { hexToBytes } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { randomProgram } from "../src/conformance/index.ts";
import { checkProgram, decodeProgram, type Operator, type Program } from "../src/index.ts";
import { readVectors } from "./vectors.ts";

const { programs } = readVectors<{ programs: { hex: string }[] }>("program.json");
const program: Program = decodeProgram(hexToBytes(programs[1]?.hex ?? ""));

describe("an accepted program", () => {
  test("comes with the kind, width and bound of each variable", () => {
    const checked = checkProgram(program);
    if (!checked.ok) throw new Error(checked.message);
    const first = (count: number): unknown[] =>
      checked.kinds.slice(0, count).map((kind, i) => [kind, checked.widths[i], checked.bounds[i]]);
    // embed with M up to 15511 and s 0, rowscale to 12 bits of its 21, rmsnorm with B 4095.
    expect(first(4)).toEqual([
      ["row", 4, 127 * 15511],
      ["row", 4, 4095],
      ["exponent", 1, 9],
      ["row", 4, 4095],
    ]);
    // qk of 2 · 2047 · 2047, softmax, pv of 2^15 · 8191.
    expect(checked.kinds.slice(11, 15)).toEqual(["ragged", "ragged", "mass", "row"]);
    expect(checked.widths.slice(11, 15)).toEqual([2, 2, 2, 4]);
    expect(checked.bounds.slice(11, 15)).toEqual([8380418, 32764, 32768, 268402688]);
    expect(checked.bounds.at(-1)).toBe(2 ** 22);
  });
});

/** The program with the bias of row `row` of operator `index` so large that its bound is `bound`. */
function withRowBound(source: Program, index: number, row: number, bound: number): Program | null {
  const operator = source.operators[index];
  const checked = checkProgram(source);
  if (operator?.op !== "matmul" || operator.bias === null || !checked.ok) return null;
  const weight = source.tensors[operator.weight];
  if (weight?.type !== "int8") return null;
  const stride = weight.data.length / weight.dims[0];
  const sum = weight.data
    .subarray(row * stride, (row + 1) * stride)
    .reduce((total, w) => total + Math.abs(w), 0);
  const rest = bound - sum * (checked.bounds[operator.x] ?? 0);
  const tensors = source.tensors.map((tensor, id) =>
    id === operator.bias && tensor.type === "int32"
      ? { ...tensor, data: tensor.data.map((value, n) => (n === row ? -rest : value)) }
      : tensor,
  );
  return { ...source, tensors };
}

describe("one unit over a bound", () => {
  test("in any row of any matmul of random programs is refused, with the row and the excess", () => {
    let refused = 0;
    for (let seed = 0; seed < 25; seed++) {
      const source = randomProgram(seed);
      source.operators.forEach((_, index) => {
        const row = 0;
        const over = withRowBound(source, index, row, 2 ** 29 + 6);
        if (over === null) return;
        refused++;
        expect(checkProgram(over)).toEqual(
          expect.objectContaining({
            ok: false,
            code: "CHECK_OVERFLOW",
            operator: index,
            row,
            excess: 7,
          }),
        );
        const just = withRowBound(source, index, row, 2 ** 29 - 1);
        const checked = just === null ? null : checkProgram(just);
        // What reads the row may be left too little room to round, but the row itself is fine.
        if (checked?.ok === false) expect(checked.operator).not.toBe(index);
      });
    }
    expect(refused).toBeGreaterThan(25);
  });

  const change = (op: Operator["op"], nth: number, fields: object): Program => {
    const index = program.operators.flatMap((o, i) => (o.op === op ? [i] : []))[nth];
    const operators = program.operators.map((o, i) => (i === index ? { ...o, ...fields } : o));
    return { ...program, operators };
  };
  test.each([
    ["the product of a gate", change("requant16", 4, { bound: 16385 }), 26, 32767 * 16385],
    ["values that pv sums", change("requant16", 2, { bound: 16384 }), 14, 2 ** 29],
  ])("%s", (_name, over, operator, bound) => {
    const excess = bound - (2 ** 29 - 1);
    expect(checkProgram(over)).toEqual(
      expect.objectContaining({ ok: false, code: "CHECK_OVERFLOW", operator, excess }),
    );
  });

  test("the exponent that a shift has to exceed", () => {
    expect(checkProgram(change("requant24", 1, { s: 11 }))).toEqual({
      ok: false,
      code: "CHECK_SHIFT",
      operator: 29,
      excess: 2,
      message: "operator 29 (requant24): the exponent e is too large by 2",
    });
  });
});

describe("what no file can hold", () => {
  test("a tensor that its dimensions do not describe", () => {
    const [first, ...rest] = program.tensors;
    if (first?.type !== "int8") throw new Error("the embedding comes first");
    const short = { ...first, data: first.data.subarray(1) };
    expect(checkProgram({ ...program, tensors: [short, ...rest] })).toEqual({
      ok: false,
      code: "CHECK_TENSOR",
      operator: null,
      message: "tensor 0 has 319 elements in 5 × 4",
    });
  });

  test("a program without blocks", () => {
    expect(checkProgram({ ...program, blocks: [] })).toEqual(
      expect.objectContaining({ ok: false, code: "CHECK_BLOCKS", operator: null }),
    );
  });

  test("a fault of the checker itself is not a refusal", () => {
    const broken: Program = { ...program };
    Object.defineProperty(broken, "operators", { value: null });
    expect(() => checkProgram(broken)).toThrow(TypeError);
  });
});
