import { randomProgram } from "@assay/model/conformance";
import { describe, expect, test } from "vitest";
import {
  createEngine,
  EngineError,
  type EngineErrorDetail,
  generate,
  replay,
  type Session,
} from "../src/index.ts";

const program = { ...randomProgram(3), endTokens: [] };
const { context, vocab } = program;
const engine = createEngine(program);
const seed = new Uint8Array(32);
const greedy = { invTemperature: 0, topP: 65536 };
const sampled = { invTemperature: 1024, topP: 65536 };

function detailOf(run: () => unknown): EngineErrorDetail {
  try {
    run();
  } catch (error) {
    if (error instanceof EngineError) return error.detail;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** What `run` throws, with the session proven to be as it was. */
function refusalOf(session: Session, run: () => unknown): EngineErrorDetail {
  const before = session.length === 0 ? null : session.logits();
  const length = session.length;
  const detail = detailOf(run);
  expect(session.length).toBe(length);
  if (before !== null) expect(session.logits()).toEqual(before);
  return detail;
}

describe("a refused call leaves the session as it was", () => {
  const started = (): Session => {
    const session = engine.createSession();
    session.append([1]);
    return session;
  };

  test("tokens beyond the context", () => {
    const session = started();
    const tokens = Array<number>(context).fill(0);
    const expected = { code: "ENGINE_CONTEXT", context, length: 1, added: context };
    expect(refusalOf(session, () => session.append(tokens))).toEqual(expected);
    session.append(tokens.slice(1));
    expect(detailOf(() => engine.decode([session], [0]))).toMatchObject({ added: 1 });
  });

  test.each([-1, vocab, 0.5, Number.NaN])("token %d", (token) => {
    const session = started();
    const expected = { code: "ENGINE_TOKEN", token, index: 1, vocab };
    expect(refusalOf(session, () => session.append([0, token]))).toEqual(expected);
    const decoded = refusalOf(session, () => engine.decode([session], [token]));
    expect(decoded).toEqual({ ...expected, index: 0 });
  });

  test("no tokens, or fewer than are to be chosen at", () => {
    const session = started();
    const none = { code: "ENGINE_TOKEN_COUNT", tokens: 0, least: 1 };
    expect(refusalOf(session, () => session.append([]))).toEqual(none);
    const few = refusalOf(session, () => session.appendAndChoose([1, 2], 3, greedy, seed));
    expect(few).toEqual({ code: "ENGINE_TOKEN_COUNT", tokens: 2, least: 3 });
  });

  test.each([0, -1, 1.5])("%d tokens to choose", (count) => {
    const session = started();
    const detail = refusalOf(session, () => session.appendAndChoose([1], count, greedy, seed));
    expect(detail).toEqual({ code: "ENGINE_COUNT", count });
  });

  test.each([
    { invTemperature: 16384, topP: 65536 },
    { invTemperature: -1, topP: 65536 },
    { invTemperature: 0.5, topP: 65536 },
    { invTemperature: 1024, topP: 0 },
    { invTemperature: 1024, topP: 65537 },
  ])("sampling $invTemperature, $topP", (sampling) => {
    const session = started();
    const expected = { code: "ENGINE_SAMPLING", ...sampling };
    expect(refusalOf(session, () => session.choose(sampling, seed))).toEqual(expected);
    const detail = refusalOf(session, () => session.appendAndChoose([1], 1, sampling, seed));
    expect(detail).toEqual(expected);
  });

  test("a seed of 31 bytes, which only a greedy choice takes", () => {
    const session = started();
    const short = new Uint8Array(31);
    const detail = refusalOf(session, () => session.choose(sampled, short));
    expect(detail).toEqual({ code: "ENGINE_SEED", length: 31 });
    expect(session.choose(greedy, short)).toBe(session.choose(greedy, seed));
  });
});

test("nothing can be asked of a session without positions", () => {
  const session = engine.createSession();
  const expected = { code: "ENGINE_NO_POSITION" };
  expect(detailOf(() => session.logits())).toEqual(expected);
  expect(detailOf(() => session.traceRoot())).toEqual(expected);
  expect(detailOf(() => session.choose(greedy, seed))).toEqual(expected);
});

test("a closed session does nothing but close again", () => {
  const session = engine.createSession();
  session.append([1]);
  session.close();
  session.close();
  const expected = { code: "ENGINE_SESSION_CLOSED" };
  expect(detailOf(() => session.append([1]))).toEqual(expected);
  expect(detailOf(() => session.appendAndChoose([1], 1, greedy, seed))).toEqual(expected);
  expect(detailOf(() => session.logits())).toEqual(expected);
  expect(detailOf(() => session.traceRoot())).toEqual(expected);
  expect(detailOf(() => session.choose(greedy, seed))).toEqual(expected);
  expect(detailOf(() => engine.decode([session], [1]))).toEqual(expected);
});

test("decode refuses batches that are none", () => {
  const [a, b] = [engine.createSession(), engine.createSession()];
  const foreign = createEngine(program).createSession();
  expect(detailOf(() => engine.decode([a, b], [1]))).toEqual({
    code: "ENGINE_BATCH",
    sessions: 2,
    tokens: 1,
  });
  const repeated = detailOf(() => engine.decode([a, b, a], [1, 1, 1]));
  expect(repeated).toEqual({ code: "ENGINE_SESSION_REPEATED", index: 2 });
  const stranger = detailOf(() => engine.decode([a, foreign], [1, 1]));
  expect(stranger).toEqual({ code: "ENGINE_SESSION_FOREIGN", index: 1 });
  expect(a.length + b.length + foreign.length).toBe(0);
});

test("a program that checkProgram refuses makes no engine", () => {
  const detail = detailOf(() => createEngine({ ...program, blocks: [] }));
  expect(detail).toMatchObject({ code: "ENGINE_PROGRAM", check: "CHECK_BLOCKS" });
});

test("replay and generate refuse what they cannot do, and give their memory back", async () => {
  const before = createEngine(program);
  const options = { prompt: [1], output: [], sampling: greedy, seed };
  expect(detailOf(() => replay(before, options))).toEqual({ code: "ENGINE_COUNT", count: 0 });
  const noPrompt = detailOf(() => replay(before, { ...options, prompt: [], output: [1, 2] }));
  expect(noPrompt).toMatchObject({ code: "ENGINE_TOKEN_COUNT" });
  const init = { prompt: [1], maxTokens: 1, sampling: greedy, seed };
  const rejects = (change: object) => expect(generate(before, { ...init, ...change })).rejects;
  await rejects({ maxTokens: 0 }).toMatchObject({ detail: { code: "ENGINE_COUNT" } });
  await rejects({ maxTokens: context + 1 }).toMatchObject({ detail: { code: "ENGINE_CONTEXT" } });
  await rejects({ prompt: [] }).toMatchObject({ detail: { code: "ENGINE_TOKEN_COUNT" } });
  await rejects({ prompt: [vocab] }).toMatchObject({ detail: { code: "ENGINE_TOKEN" } });
  await rejects({ sampling: { ...sampled, topP: 0 } }).toMatchObject({
    detail: { code: "ENGINE_SAMPLING" },
  });
  const inUse = before.memoryBytes;
  before.createSession().append([1]);
  expect(before.memoryBytes).toBe(inUse);
});

describe("memory", () => {
  test("an engine that does not fit says how much it wanted", () => {
    const detail = detailOf(() => createEngine(program, { maxMemoryBytes: 200_000 }));
    expect(detail).toMatchObject({ code: "ENGINE_MEMORY", limit: 196_608 });
  });

  test("sessions are refused at the limit, and taken again after one is closed", () => {
    const limit = createEngine(program).memoryBytes + 500_000;
    const small = createEngine(program, { maxMemoryBytes: limit });
    const sessions: Session[] = [];
    const fill = (): void => {
      for (;;) {
        const session = small.createSession();
        session.append([1]);
        sessions.push(session);
      }
    };
    expect(detailOf(fill)).toMatchObject({ code: "ENGINE_MEMORY" });
    expect(sessions.length).toBeGreaterThan(0);
    const { memoryBytes } = small;
    expect(memoryBytes).toBeLessThanOrEqual(limit);
    const [first] = sessions;
    const expected = first?.logits();
    first?.close();
    const again = small.createSession();
    again.append([1]);
    expect(again.logits()).toEqual(expected);
    expect(small.memoryBytes).toBe(memoryBytes);
  });

  test("a thousand sessions, one after the other, take the memory of one", () => {
    const own = createEngine(program);
    const use = (): void => {
      const session = own.createSession();
      session.append([1, 2]);
      session.close();
    };
    use();
    const { memoryBytes } = own;
    for (let i = 0; i < 1000; i++) use();
    expect(own.memoryBytes).toBe(memoryBytes);
  });
});
