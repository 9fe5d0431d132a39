import {
  chooseToken,
  type InterpretedPosition,
  interpret,
  interpretedTraceRoot,
  type Program,
  type Tensor,
} from "@assay/model";
import {
  Random,
  randomProgram,
  randomSampling,
  randomSeed,
  randomTokens,
} from "@assay/model/conformance";
import { expect, test } from "vitest";
import { createEngine, type Engine, replay, type Session } from "../src/index.ts";

const PROGRAMS = 240;
/** Programs whose context reaches over several pages of 64 positions. */
const LONG_PROGRAMS = 12;
const LONG_CONTEXT = 150;

/** The program with a longer context: rotary tables repeat. */
function withContext(program: Program, context: number): Program {
  const tensors = program.tensors.map((tensor): Tensor => {
    if (tensor.type !== "int16") return tensor;
    const [, pairs, two] = tensor.dims;
    const data = Int16Array.from(
      { length: context * pairs * two },
      (_, i) => tensor.data[i % tensor.data.length] ?? 0,
    );
    return { type: "int16", dims: [context, pairs, two], data };
  });
  return { ...program, context, tensors };
}

function expectState(session: Session, positions: readonly InterpretedPosition[]): void {
  expect(session.length).toBe(positions.length);
  expect(session.logits()).toEqual(positions.at(-1)?.logits);
  expect(session.traceRoot()).toEqual(interpretedTraceRoot(positions));
}

/** Appends `tokens` in pieces of random length. */
function appendInPieces(session: Session, tokens: readonly number[], random: Random): void {
  for (let at = 0; at < tokens.length; ) {
    const count = random.int(1, Math.min(tokens.length - at, random.pick([1, 3, 70])));
    session.append(tokens.slice(at, at + count));
    at += count;
  }
}

function expectConformance(engine: Engine, random: Random): void {
  const { program } = engine;
  const tokens = randomTokens(program, random);
  const positions = interpret(program, tokens);

  const whole = engine.createSession();
  whole.append(tokens);
  expectState(whole, positions);

  const pieces = engine.createSession();
  appendInPieces(pieces, tokens, random);
  expectState(pieces, positions);

  const sampling = randomSampling(random);
  const seed = randomSeed(random);
  const expected = positions.map(({ logits }, p) => chooseToken(logits, sampling, seed, p));
  expect(whole.choose(sampling, seed)).toBe(expected.at(-1));
  const choosing = engine.createSession();
  const count = random.int(1, tokens.length);
  expect(choosing.appendAndChoose(tokens, count, sampling, seed)).toEqual(expected.slice(-count));
  expectState(choosing, positions);

  const prompt = tokens.slice(0, tokens.length - count + 1);
  const output = [...tokens.slice(tokens.length - count + 1), 0];
  const replayed = replay(engine, { prompt, output, sampling, seed });
  expect(replayed.chosen).toEqual(expected.slice(-count));
  expect(replayed.traceRoot).toEqual(interpretedTraceRoot(positions));
  for (const session of [whole, pieces, choosing]) session.close();
}

const patience = { timeout: 120_000 };

test("random programs: logits, choices and trace roots are the interpreter's", patience, () => {
  for (let seed = 0; seed < PROGRAMS; seed++) {
    expectConformance(createEngine(randomProgram(seed)), new Random(seed));
  }
});

test("positions beyond a page, and their trace, are the interpreter's", {
  timeout: 120_000,
}, () => {
  for (let seed = 0; seed < LONG_PROGRAMS; seed++) {
    const program = withContext(randomProgram(1000 + seed), LONG_CONTEXT);
    expectConformance(createEngine(program), new Random(seed));
  }
});

test("a trace root taken early does not change a later one", () => {
  const program = withContext(randomProgram(7), LONG_CONTEXT);
  const engine = createEngine(program);
  const tokens = randomTokens(program, new Random(7));
  const [watched, plain] = [engine.createSession(), engine.createSession()];
  for (const [i, token] of tokens.entries()) {
    watched.append([token]);
    plain.append([token]);
    if (i % 3 === 0) watched.traceRoot();
  }
  expect(watched.traceRoot()).toEqual(plain.traceRoot());
});

test("a batch of sessions of different lengths is as each of them alone", () => {
  for (let seed = 0; seed < 40; seed++) {
    const program = withContext(randomProgram(seed), LONG_CONTEXT);
    const engine = createEngine(program);
    const random = new Random(seed);
    const sequences = Array.from({ length: random.pick([2, 8, 5]) }, () =>
      randomTokens(program, random, random.int(4, random.pick([10, 80]))),
    );
    const together = sequences.map((tokens) => {
      const session = engine.createSession();
      session.append(tokens.slice(0, -3));
      return session;
    });
    for (const last of [-3, -2, -1]) {
      engine.decode(
        together,
        sequences.map((tokens) => tokens.at(last) ?? 0),
      );
    }
    sequences.forEach((tokens, i) => {
      const alone = engine.createSession();
      alone.append(tokens);
      expect(together[i]?.logits()).toEqual(alone.logits());
      expect(together[i]?.traceRoot()).toEqual(alone.traceRoot());
      alone.close();
    });
  }
});

test("more sessions than one pass takes", () => {
  const engine = createEngine(randomProgram(3));
  const sessions = Array.from({ length: 130 }, () => engine.createSession());
  const tokens = sessions.map((_, i) => i % engine.program.vocab);
  engine.decode(sessions, tokens);
  sessions.forEach((session, i) => {
    const [position] = interpret(engine.program, [tokens[i] ?? 0]);
    expect(session.logits()).toEqual(position?.logits);
  });
});
