import { hexToBytes } from "@assay/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseToken, decodeProgram, interpret, type Program } from "../src/index.ts";
import { bitlen, namedIn } from "../src/interpreter/arithmetic.ts";
import { readVectors } from "./vectors.ts";

const { programs } = readVectors<{ programs: { hex: string }[] }>("program.json");
const program: Program = decodeProgram(hexToBytes(programs[1]?.hex ?? ""));

describe("interpret", () => {
  test.each([
    ["more tokens than the context", [0, 0, 0, 0, 0, 0, 0]],
    ["a token beyond the vocabulary", [5]],
    ["a token below 0", [-1]],
    ["no number", [Number.NaN]],
    ["a fraction", [0.5]],
  ])("refuses %s", (_name, tokens) => {
    expect(() => interpret(program, tokens)).toThrow(RangeError);
  });

  test("names the operator and the intermediate that overflows", () => {
    // The shifts are what checkProgram would refuse.
    const operators = program.operators.map((o) => (o.op === "rope" ? { ...o, s: 40 } : o));
    expect(() => interpret({ ...program, operators }, [0])).toThrow(
      /^operator 5 \(rope\): turned \+ 2\^39 = \d+ is not an integer below 2\^29$/,
    );
  });

  test.each([2 ** 29, -(2 ** 29), 0.5, Number.NaN])("%d is no intermediate", (value) => {
    expect(() => namedIn("mul", 3)("y", value)).toThrow("operator 3 (mul): y = ");
  });

  test("reads tensors that are not there as a program that was not checked", () => {
    expect(() => interpret({ ...program, tensors: [] }, [0])).toThrow("checkProgram has not");
  });
});

test("bitlen is the length in binary", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), (a) => {
      expect(bitlen(a)).toBe(a === 0 ? 0 : a.toString(2).length);
    }),
  );
  expect(bitlen(2 ** 44 - 1)).toBe(44);
  expect(bitlen(2 ** 43)).toBe(44);
});

describe("chooseToken", () => {
  const seed = new Uint8Array(32).fill(9);
  const logits = [100, 300, 300, -5];

  test("greedy takes the lowest index of the largest", () => {
    expect(chooseToken(logits, { invTemperature: 0, topP: 65536 }, seed, 0)).toBe(1);
  });

  test("the smallest nucleus is the lowest index of the largest", () => {
    for (let position = 0; position < 20; position++) {
      expect(chooseToken(logits, { invTemperature: 1024, topP: 1 }, seed, position)).toBe(1);
    }
  });

  test("draws with the frequencies of the softmax", () => {
    const counts = [0, 0, 0];
    const draws = 4000;
    for (let position = 0; position < draws; position++) {
      const token = chooseToken(
        [0, 1024, 0],
        { invTemperature: 1024, topP: 65536 },
        seed,
        position,
      );
      counts[token] = (counts[token] ?? 0) + 1;
    }
    const expected = [1, Math.E, 1].map((weight) => weight / (Math.E + 2));
    counts.forEach((count, i) => {
      // Four standard deviations of the binomial distribution.
      const p = expected[i] ?? 0;
      expect(Math.abs(count - p * draws)).toBeLessThan(4 * Math.sqrt(draws * p * (1 - p)));
    });
  });

  test("never draws what top-p drops", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -4000, max: 0 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 65536 }),
        fc.nat(100),
        (row, topP, position) => {
          const token = chooseToken(row, { invTemperature: 1024, topP }, seed, position);
          const weights = row.map((v) => Math.exp((v - Math.max(...row)) / 1024));
          const sum = weights.reduce((a, b) => a + b);
          const above = weights.filter((w) => w > (weights[token] ?? 0)).reduce((a, b) => a + b, 0);
          expect(above / sum).toBeLessThan(topP / 65536 + 1e-3);
        },
      ),
    );
  });

  test.each([
    ["invTemperature 16384", { invTemperature: 16384, topP: 1 }],
    ["invTemperature -1", { invTemperature: -1, topP: 1 }],
    ["topP 0", { invTemperature: 1, topP: 0 }],
    ["topP 65537", { invTemperature: 1, topP: 65537 }],
  ])("refuses %s", (_name, sampling) => {
    expect(() => chooseToken(logits, sampling, seed, 0)).toThrow(RangeError);
  });

  test("refuses a short seed", () => {
    const sampling = { invTemperature: 1, topP: 1 };
    expect(() => chooseToken(logits, sampling, seed.subarray(1), 0)).toThrow("32 bytes");
  });
});
