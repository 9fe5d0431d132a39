import { describe, expect, test } from "vitest";
import {
  Random,
  randomProgram,
  randomSampling,
  randomSeed,
  randomTokens,
} from "../src/conformance/index.ts";
import { checkProgram, chooseToken, encodeProgram, interpret, OPCODES } from "../src/index.ts";

test("200 random programs use every operator, and each with each of its options", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    for (const operator of randomProgram(seed).operators) {
      seen.add(operator.op);
      if (operator.op === "matmul") seen.add(`bias ${operator.bias !== null}`);
      if (operator.op === "requant24") seen.add(`exponent ${operator.exponent !== null}`);
      if (operator.op === "qk") seen.add(`cache beyond the first ${operator.cache > 0}`);
    }
  }
  const options = ["bias", "exponent", "cache beyond the first"];
  expect(seen).toEqual(
    new Set([
      ...Object.keys(OPCODES),
      ...options.flatMap((option) => [`${option} true`, `${option} false`]),
    ]),
  );
});

test("a seed gives the same program every time, and another seed another", () => {
  expect(encodeProgram(randomProgram(7))).toEqual(encodeProgram(randomProgram(7)));
  expect(encodeProgram(randomProgram(7))).not.toEqual(encodeProgram(randomProgram(8)));
});

describe("on random programs", () => {
  test("no assertion of the interpreter fires, and states and logits keep their bounds", () => {
    let saturated = 0;
    for (let seed = 0; seed < 40; seed++) {
      const program = randomProgram(seed);
      const checked = checkProgram(program);
      if (!checked.ok) throw new Error(checked.message);
      const tokens = randomTokens(program, new Random(seed));
      for (const { states, kv, logits } of interpret(program, tokens)) {
        expect(kv).toHaveLength(program.blocks.length);
        program.blocks.forEach(({ state }, block) => {
          const bound = checked.bounds[state] ?? 0;
          expect(states[block]).toHaveLength(checked.widths[state] ?? 0);
          expect(states[block]?.every((value) => Math.abs(value) <= bound)).toBe(true);
          if (states[block]?.some((value) => Math.abs(value) === bound)) saturated++;
        });
        expect(logits).toHaveLength(program.vocab);
      }
    }
    // Otherwise the edges that these programs are for are not reached.
    expect(saturated).toBeGreaterThan(20);
  });

  test("a prefix of the tokens gives a prefix of the positions", () => {
    const program = randomProgram(3);
    const tokens = randomTokens(program, new Random(3));
    const positions = interpret(program, tokens);
    const shorter = interpret(program, tokens.slice(0, -1));
    expect(shorter).toEqual(positions.slice(0, -1));
  });

  test("tokens are chosen from the vocabulary", () => {
    const random = new Random(1);
    const program = randomProgram(1);
    for (const [position, { logits }] of interpret(
      program,
      randomTokens(program, random),
    ).entries()) {
      const token = chooseToken(logits, randomSampling(random), randomSeed(random), position);
      expect(token).toBeGreaterThanOrEqual(0);
      expect(token).toBeLessThan(program.vocab);
    }
  });
});

test("Random.int takes all of its range and nothing else", () => {
  const random = new Random(0);
  const drawn = new Set(Array.from({ length: 10_000 }, () => random.int(-3, 96)));
  expect([...drawn].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, i) => i - 3),
  );
});
