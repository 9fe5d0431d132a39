import { describe, expect, test } from "vitest";
import { cosSin, exp, floorLog2, log, powerOfTwo } from "../src/deterministic-math.ts";

/** A few units in the last place. */
const RELATIVE = 1e-15;

const closeTo = (actual: number, expected: number, scale = Math.abs(expected)) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(4 * RELATIVE * scale);

describe("against the engine's own functions", () => {
  test("exp", () => {
    for (let x = -690; x <= 690; x += 0.37) closeTo(exp(x), Math.exp(x));
    expect(exp(0)).toBe(1);
    expect(exp(-701)).toBe(0);
  });

  test("log", () => {
    for (let x = 1e-9; x < 1e9; x *= 1.07)
      closeTo(log(x), Math.log(x), Math.max(1, Math.abs(Math.log(x))));
    expect(log(1)).toBe(0);
  });

  test("cos and sin", () => {
    for (let angle = 0; angle < 20_000; angle += 1.234_567) {
      const [cos, sin] = cosSin(angle);
      closeTo(cos, Math.cos(angle), 1);
      closeTo(sin, Math.sin(angle), 1);
    }
  });

  test("powers of two", () => {
    for (let k = -100; k <= 100; k++) {
      expect(powerOfTwo(k)).toBe(2 ** k);
      expect(floorLog2(2 ** k)).toBe(k);
      expect(floorLog2(1.999 * 2 ** k)).toBe(k);
    }
  });
});
