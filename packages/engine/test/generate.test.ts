import { chooseToken, interpret, interpretedTraceRoot, type Program } from "@assay/model";
import { Random, randomProgram, randomSampling, randomSeed } from "@assay/model/conformance";
import { describe, expect, test } from "vitest";
import { createEngine, generate, replay } from "../src/index.ts";

const greedy = { invTemperature: 0, topP: 65536 };
const seed = new Uint8Array(32);

/** Programs with room for an answer. */
function programs(): Program[] {
  return Array.from({ length: 60 }, (_, i) => randomProgram(i)).filter(
    ({ context }) => context > 3,
  );
}

test("answers and trace roots are the interpreter's, and replay confirms them", async () => {
  for (const [i, program] of programs().entries()) {
    const random = new Random(i);
    const engine = createEngine(program);
    const prompt = [random.int(0, program.vocab - 1), 0];
    const maxTokens = program.context - 1;
    const [sampling, ownSeed] = [randomSampling(random), randomSeed(random)];
    const onTokens: number[] = [];
    const answer = await generate(engine, {
      prompt,
      maxTokens,
      sampling,
      seed: ownSeed,
      onToken: (token) => onTokens.push(token),
    });
    const positions = interpret(program, [...prompt, ...answer.tokens.slice(0, -1)]);
    const expected = positions
      .map(({ logits }, position) => chooseToken(logits, sampling, ownSeed, position))
      .slice(prompt.length - 1);
    expect(answer.tokens).toEqual(expected);
    expect(answer.traceRoot).toEqual(interpretedTraceRoot(positions));
    expect(onTokens).toEqual(expected);
    const ends = expected.findIndex((token) => program.endTokens.includes(token));
    expect(expected).toHaveLength(ends === -1 ? maxTokens : ends + 1);
    const output = answer.tokens;
    const replayed = replay(engine, { prompt, output, sampling, seed: ownSeed });
    expect(replayed).toEqual({ chosen: output, traceRoot: answer.traceRoot });
  }
});

test("an end token ends the answer and belongs to it", async () => {
  const program = { ...randomProgram(3), endTokens: [] };
  const long = { prompt: [1], maxTokens: program.context, sampling: greedy, seed };
  const answer = await generate(createEngine(program), long);
  expect(answer.finishReason).toBe("length");
  expect(answer.tokens).toHaveLength(program.context);
  const end = answer.tokens[1] ?? 0;
  const ended = await generate(createEngine({ ...program, endTokens: [end] }), long);
  expect(ended.finishReason).toBe("stop");
  expect(ended.tokens).toEqual(answer.tokens.slice(0, answer.tokens.indexOf(end) + 1));
});

test("replay shows where an answer is not the program's", async () => {
  const program = { ...randomProgram(3), endTokens: [] };
  const engine = createEngine(program);
  const prompt = [1, 2];
  const answer = await generate(engine, { prompt, maxTokens: 4, sampling: greedy, seed });
  const forged = [...answer.tokens];
  forged[2] = ((forged[2] ?? 0) + 1) % program.vocab;
  const replayed = replay(engine, { prompt, output: forged, sampling: greedy, seed });
  expect(replayed.chosen.slice(0, 3)).toEqual(answer.tokens.slice(0, 3));
  expect(replayed.chosen[2]).not.toBe(forged[2]);
  expect(replayed.traceRoot).not.toEqual(answer.traceRoot);
});

describe("an aborted generation", () => {
  const program = { ...randomProgram(3), endTokens: [] };
  const options = { prompt: [1], maxTokens: program.context, sampling: greedy, seed };

  test("does not begin", async () => {
    const engine = createEngine(program);
    const reason = new Error("the client left");
    const { memoryBytes } = engine;
    const signal = AbortSignal.abort(reason);
    await expect(generate(engine, { ...options, signal })).rejects.toBe(reason);
    expect(engine.memoryBytes).toBe(memoryBytes);
  });

  test("stops at the next token and gives its memory back", async () => {
    const engine = createEngine(program);
    const controller = new AbortController();
    const tokens: number[] = [];
    const onToken = (token: number): void => {
      tokens.push(token);
      if (tokens.length === 2) controller.abort();
    };
    const running = generate(engine, { ...options, onToken, signal: controller.signal });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(tokens).toHaveLength(2);
    const { memoryBytes } = engine;
    engine.createSession().append([1]);
    expect(engine.memoryBytes).toBe(memoryBytes);
  });
});
