import { readFileSync } from "node:fs";
import { chooseToken, decodeProgram, interpret, interpretedTraceRoot } from "@assay/model";
import { expect, test } from "vitest";
import { createEngine, generate, replay } from "../src/index.ts";

const file = new URL("../../../models/demo/demo.assay", import.meta.url);

test("the demo model answers as the interpreter does, bit for bit", async () => {
  const program = decodeProgram(readFileSync(file));
  const engine = createEngine(program);
  const prompt = Array.from({ length: 16 }, (_, i) => (i * 29 + 7) % program.vocab);
  const sampling = { invTemperature: 1280, topP: 58982 };
  const seed = new Uint8Array(32).fill(42);
  const answer = await generate(engine, { prompt, maxTokens: 12, sampling, seed });
  const output = answer.tokens;
  const positions = interpret(program, [...prompt, ...output.slice(0, -1)]);
  const chosen = positions
    .map(({ logits }, position) => chooseToken(logits, sampling, seed, position))
    .slice(prompt.length - 1);
  expect(output).toEqual(chosen);
  expect(answer.traceRoot).toEqual(interpretedTraceRoot(positions));
  const replayed = replay(engine, { prompt, output, sampling, seed });
  expect(replayed).toEqual({ chosen: output, traceRoot: answer.traceRoot });
});
