/** Tokens a second of the engine on one thread, on a program of the shape of models/demo. */

import { createEngine, generate, replay } from "@assay/engine";
import { instantiateKernels, PAGE_POSITIONS, RESERVED_BYTES } from "@assay/kernels";
import { type Figure, type SuiteOptions, summarise, time } from "../figure.ts";
import { DEMO_SHAPE, llamaShapedProgram } from "../llama-shaped-program.ts";

const PROMPT_TOKENS = 256;
const ANSWER_TOKENS = 256;
const SESSIONS = 8;
const BATCH_TOKENS = 64;
const seed = new Uint8Array(32);
const greedy = { invTemperature: 0, topP: 65536 };
const sampled = { invTemperature: 1280, topP: 58982 };

const perSecond = (tokens: number, samples: readonly number[]) =>
  summarise(samples.map((ms) => (1000 * tokens) / ms));

/** Hashes one page of positions of the demo's shape, as the engine does. */
function pageHashing(): () => void {
  const { kernels } = instantiateKernels(64, 64);
  const { layers, hidden, cacheHeads, headDim } = DEMO_SHAPE;
  const [stateBytes, kvBytes] = [4 * hidden, 4 * cacheHeads * headDim];
  const state = RESERVED_BYTES;
  const kv = state + PAGE_POSITIONS * stateBytes;
  const leaves = kv + PAGE_POSITIONS * kvBytes;
  const roots = leaves + PAGE_POSITIONS * 32 * layers;
  const scratch = roots + PAGE_POSITIONS * 32;
  return () => {
    for (let layer = 0; layer < layers; layer++) {
      const to = leaves + 32 * layer;
      const count = PAGE_POSITIONS;
      kernels.traceLeaves(to, 32 * layers, state, stateBytes, kv, kvBytes, count, scratch);
    }
    kernels.tracePositions(roots, leaves, layers, PAGE_POSITIONS, scratch);
    kernels.merkle(roots, PAGE_POSITIONS, PAGE_POSITIONS, scratch);
  };
}

export async function* suite({ quick }: SuiteOptions): AsyncGenerator<Figure> {
  const runs = quick ? 5 : 25;
  const engine = createEngine(llamaShapedProgram(DEMO_SHAPE));
  const { vocab } = engine.program;
  const tokens = Array.from({ length: PROMPT_TOKENS + ANSWER_TOKENS }, (_, i) => (i * 37) % vocab);
  const prompt = tokens.slice(0, PROMPT_TOKENS);
  const rate = { unit: "tokens/s", better: "higher" } as const;

  const prefill = await time(() => {
    const session = engine.createSession();
    session.append(prompt);
    session.close();
  }, runs);
  const prefillTarget = { name: "prefill-256", target: 15_000 };
  yield { ...prefillTarget, ...rate, ...perSecond(PROMPT_TOKENS, prefill) };

  const decode = await time(() => {
    const session = engine.createSession();
    for (const token of prompt) session.append([token]);
    session.close();
  }, runs);
  yield { name: "decode-256", target: 3000, ...rate, ...perSecond(PROMPT_TOKENS, decode) };

  const hashing = await time(pageHashing(), 4 * runs);
  const perDecode = summarise(decode).value / PROMPT_TOKENS;
  const share = summarise(hashing.map((ms) => (100 * ms) / PAGE_POSITIONS / perDecode));
  yield { name: "trace-share-of-decode", unit: "%", better: "lower", target: 20, ...share };

  const batch = await time(() => {
    const sessions = Array.from({ length: SESSIONS }, () => engine.createSession());
    for (const token of tokens.slice(0, BATCH_TOKENS)) {
      engine.decode(sessions, Array<number>(SESSIONS).fill(token));
    }
    for (const session of sessions) session.close();
  }, runs);
  const batchTokens = SESSIONS * BATCH_TOKENS;
  yield { name: "decode-8-sessions", target: null, ...rate, ...perSecond(batchTokens, batch) };

  for (const [name, sampling] of Object.entries({ greedy, sampled })) {
    const options = { prompt: [1], maxTokens: ANSWER_TOKENS, sampling, seed };
    const samples = await time(() => generate(engine, options), runs);
    const figure = { name: `generate-256-${name}`, target: null };
    yield { ...figure, ...rate, ...perSecond(ANSWER_TOKENS, samples) };
  }

  const output = tokens.slice(PROMPT_TOKENS);
  const replayed = await time(
    () => replay(engine, { prompt, output, sampling: sampled, seed }),
    runs,
  );
  const replayedTokens = PROMPT_TOKENS + ANSWER_TOKENS - 1;
  yield { name: "replay-512", target: null, ...rate, ...perSecond(replayedTokens, replayed) };
}
