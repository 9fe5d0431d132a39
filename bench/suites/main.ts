/** The main path as a user meets it: a network from nothing to a paid answer, cold verification, equal bits, cheaters caught. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createEngine, type Engine, generate } from "@assay/engine";
import { decodeProgram, type Program } from "@assay/model";
import { Random, randomProgram, randomTokens } from "@assay/model/conformance";
import type { Answer } from "@assay/sdk";
import { verifyInChromium } from "../browser.ts";
import { runCheat } from "../cheat-run.ts";
import { type Comparison, compareWithInterpreter } from "../conformance.ts";
import { type Figure, type SuiteOptions, summarise, time } from "../figure.ts";
import {
  DEFAULT_QUESTION,
  DEMO_PROGRAM,
  type RunningNetwork,
  withDirectory,
  withNetwork,
} from "../local-network.ts";
import { startSeconds, verifyCold, verifyCommand } from "../processes.ts";
import { suite as quality } from "./quality.ts";

const RANDOM_PROGRAMS = 200;
/** Sequences that are compared for each program, and run in one batch. */
const BATCH = 8;
const PREFILL_TOKENS = 256;

/** One number that has no spread. */
const once = (value: number, runs: number = 1) => ({ value, runs, min: value, max: value });
const lower = { better: "lower", target: null } as const;

async function* starting(quick: boolean): AsyncGenerator<Figure> {
  const fresh: number[] = [];
  const again: number[] = [];
  for (let run = 0; run < (quick ? 1 : 5); run++) {
    await withDirectory(async (home) => {
      fresh.push(await startSeconds(home));
      again.push(await startSeconds(home));
    });
  }
  const unit = "s";
  yield { ...lower, name: "start-to-paid-answer-fresh", unit, target: 15, ...summarise(fresh) };
  yield { ...lower, name: "start-to-paid-answer-again", unit, target: 4, ...summarise(again) };
}

function* verifying({ receipt }: Answer, directory: string, quick: boolean): Generator<Figure> {
  const file = join(directory, "receipt");
  writeFileSync(file, receipt);
  const count = quick ? 3 : 15;
  const cold = Array.from({ length: count }, () => verifyCold(DEMO_PROGRAM, file));
  const verify = summarise(cold.map((run) => run.verify));
  yield { ...lower, name: "verify-cold", unit: "ms", target: 100, ...verify };
  const withImports = summarise(cold.map((run) => run.imports + run.verify));
  yield { ...lower, name: "verify-cold-with-imports", unit: "ms", ...withImports };
  const command = summarise(Array.from({ length: count }, () => verifyCommand(file)));
  yield { ...lower, name: "verify-command", unit: "ms", ...command };
}

/** What the gateway, the mesh and the order add to the time in which the engine has a first token. */
async function firstToken(
  { connection }: RunningNetwork,
  engine: Engine,
  prompt: readonly number[],
  quick: boolean,
): Promise<readonly Figure[]> {
  const samples: number[] = [];
  for (let run = 0; run < (quick ? 5 : 200); run++) {
    const started = performance.now();
    let first: number | undefined;
    await connection.ask({
      model: "demo",
      messages: [{ role: "user", content: DEFAULT_QUESTION }],
      onText: () => {
        first ??= performance.now() - started;
      },
    });
    if (first !== undefined) samples.push(first);
  }
  const alone = await time(() => generate(engine, { ...greedy, prompt, maxTokens: 1 }), 20);
  const peer = summarise(alone).value;
  const added = samples.map((ms) => ms - peer);
  const name = "first-token-added-by-network";
  const shared = { ...lower, unit: "ms", peer: { name: "engine alone", value: peer } };
  return [
    { ...shared, name, ...summarise(added) },
    { ...shared, name: `${name}-p95`, target: 20, ...summarise(added), value: p95(added) },
  ];
}

/** The value that 95 of 100 samples do not exceed. */
const p95 = (samples: readonly number[]): number =>
  samples.toSorted((a, b) => a - b)[Math.ceil(0.95 * samples.length) - 1] ?? Number.NaN;

/** The default answer verified by the page, and by the file that was saved from it. */
async function inChromium(
  { gatewayUrl }: RunningNetwork,
  { receipt }: Answer,
  quick: boolean,
): Promise<readonly Figure[]> {
  return await withDirectory(async (directory) => {
    const file = join(directory, "answer.receipt");
    writeFileSync(file, receipt);
    const saved = join(directory, "verify-demo.html");
    const response = await fetch(`${gatewayUrl}/verify-demo.html`);
    writeFileSync(saved, new Uint8Array(await response.arrayBuffer()));
    const measure = async (name: string, url: string): Promise<Figure> => {
      const samples: number[] = [];
      for (let run = 0; run < (quick ? 1 : 15); run++) {
        samples.push(await verifyInChromium(url, file));
      }
      return { ...lower, name, unit: "ms", target: 300, ...summarise(samples) };
    };
    return [
      await measure("verify-in-chromium-cold", `${gatewayUrl}/#/verify`),
      await measure("verify-in-chromium-cold-from-disk", pathToFileURL(saved).href),
    ];
  });
}

function pageBytes(): Figure {
  const { page }: { readonly page: number } = JSON.parse(
    readFileSync("packages/explorer/generated/sizes.json", "utf8"),
  );
  return { ...lower, name: "page-compressed", unit: "kB", target: 250, ...once(page / 1000) };
}

const greedy = { sampling: { invTemperature: 0, topP: 65_536 }, seed: new Uint8Array(32) };

/** The trace root's share of the time of an answer, of the default one and of tokens one by one. */
function* traceShares(
  engine: Engine,
  answer: NonNullable<Answer["verdict"]["file"]>,
  quick: boolean,
): Generator<Figure> {
  const runs = quick ? 20 : 100;
  const share = (passes: readonly (readonly number[])[]): readonly number[] =>
    Array.from({ length: runs }, () => {
      const session = engine.createSession();
      const started = performance.now();
      for (const tokens of passes) {
        session.append(tokens);
        session.choose(greedy.sampling, greedy.seed);
      }
      const generated = performance.now();
      session.traceRoot();
      const hashed = performance.now();
      session.close();
      return (100 * (hashed - generated)) / (hashed - started);
    });
  const shared = { unit: "%", better: "lower", target: 20 } as const;
  const { prompt, output } = answer;
  // Below a page of 64 positions nothing is hashed before the root is asked for.
  const whole = [prompt, ...output.slice(0, -1).map((token) => [token])];
  yield { name: "trace-share-of-default-answer", ...shared, ...summarise(share(whole)) };
  const decode = Array.from({ length: 63 }, (_, i) => [i]);
  yield { name: "trace-share-of-decode", ...shared, ...summarise(share(decode)) };
}

async function* speed(engine: Engine, quick: boolean): AsyncGenerator<Figure> {
  const runs = quick ? 5 : 25;
  const { vocab } = engine.program;
  const tokens = Array.from({ length: PREFILL_TOKENS }, (_, i) => (i * 37) % vocab);
  const measure = async (passes: readonly (readonly number[])[]) => {
    const samples = await time(() => {
      const session = engine.createSession();
      for (const pass of passes) session.append(pass);
      session.close();
    }, runs);
    return summarise(samples.map((ms) => (1000 * PREFILL_TOKENS) / ms));
  };
  const rate = { unit: "tokens/s", better: "higher", target: null } as const;
  yield { name: "demo-prefill-256", ...rate, ...(await measure([tokens])) };
  const decode = await measure(tokens.map((token) => [token]));
  yield { name: "demo-decode-256", ...rate, ...decode };
}

/** The default answer from a network that runs, then what can be measured with it and around it. */
async function* serving(quick: boolean): AsyncGenerator<Figure> {
  const engine = createEngine(decodeProgram(readFileSync(DEMO_PROGRAM)));
  const { answer, file, served } = await withNetwork({ workers: 1 }, async (network) => {
    const answer = await network.connection.ask({
      model: "demo",
      messages: [{ role: "user", content: DEFAULT_QUESTION }],
    });
    const { file, ok } = answer.verdict;
    if (file === null || !ok) throw new Error("the default answer does not verify");
    const added = await firstToken(network, engine, file.prompt, quick);
    return { answer, file, served: [...added, ...(await inChromium(network, answer, quick))] };
  });
  const directory = (path: string) => Promise.resolve([...verifying(answer, path, quick)]);
  yield* await withDirectory(directory);
  yield* served;
  yield pageBytes();
  yield* traceShares(engine, file, quick);
  yield* speed(engine, quick);
}

function sequencesFor(program: Program, seed: number, length: number): number[][] {
  const random = new Random(seed);
  return Array.from({ length: BATCH }, () => randomTokens(program, random, length));
}

function figureOf(name: string, { cases, differing }: Comparison): Figure {
  return { ...lower, name, unit: "differing", target: 0, ...once(differing, cases) };
}

function* equalBits(quick: boolean): Generator<Figure> {
  const demo = decodeProgram(readFileSync(DEMO_PROGRAM));
  const positions = quick ? 4 : 80;
  const onDemo = compareWithInterpreter(demo, sequencesFor(demo, 1, positions));
  yield figureOf("equal-bits-demo", onDemo);
  let [cases, differing] = [0, 0];
  for (let seed = 0; seed < RANDOM_PROGRAMS; seed++) {
    const program = randomProgram(seed);
    const compared = compareWithInterpreter(program, sequencesFor(program, seed, program.context));
    cases += compared.cases;
    differing += compared.differing;
  }
  yield figureOf(`equal-bits-${RANDOM_PROGRAMS}-random-programs`, { cases, differing });
}

async function* cheating(quick: boolean): AsyncGenerator<Figure> {
  const runs = quick ? 3 : 20;
  const slashing: number[] = [];
  let held = 0;
  for (let run = 1; run <= runs; run++) {
    const broken = await brokenFacts(slashing);
    if (broken.length === 0) held++;
    else console.error(`cheat run ${run} of ${runs}, not so: ${broken.join("; ")}`);
  }
  const name = "cheater-caught-slashed-unpaid";
  yield { name, unit: "runs", better: "higher", target: runs, ...once(held, runs) };
  if (slashing.length === 0) return;
  yield { ...lower, name: "question-to-slashed", unit: "s", ...summarise(slashing) };
}

/** What did not hold in one run. */
async function brokenFacts(slashing: number[]): Promise<readonly string[]> {
  try {
    const { facts, secondsToSlash } = await runCheat("weights");
    if (secondsToSlash !== undefined) slashing.push(secondsToSlash);
    return Object.keys(facts).filter((fact) => facts[fact] !== true);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** What the contracts' tests have measured; a batch costs one post however many receipts it holds. */
function* gas(): Generator<Figure> {
  const snapshot: Readonly<Record<string, string>> = JSON.parse(
    readFileSync("contracts/snapshots/Gas.json", "utf8"),
  );
  const of = (name: string): number => {
    const value = Number(snapshot[name]);
    if (!(value > 0)) throw new Error(`contracts/snapshots/Gas.json has no "${name}"`);
    return value;
  };
  const batch = of("Settlement.postBatch") + of("Settlement.payBatch, 1 warm channel");
  const published = of("Settlement.publish") + of("Settlement.payPublished");
  const unit = "gas";
  yield { ...lower, name: "gas-per-receipt-of-1", unit, ...once(batch) };
  yield { ...lower, name: "gas-per-receipt-of-1000", unit, target: 130, ...once(batch / 1_000) };
  yield { ...lower, name: "gas-per-receipt-of-16000", unit, target: 10, ...once(batch / 16_000) };
  yield { ...lower, name: "gas-per-published-receipt", unit, ...once(published) };
}

export async function* suite({ quick }: SuiteOptions): AsyncGenerator<Figure> {
  yield* starting(quick);
  yield* serving(quick);
  yield* equalBits(quick);
  yield* quality({ quick });
  yield* cheating(quick);
  yield* gas();
}
