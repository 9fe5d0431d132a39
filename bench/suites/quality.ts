/** What the integer program of models/demo loses against the float model, on text that neither training nor calibration saw. */

import { readFileSync } from "node:fs";
import { createEngine } from "@assay/engine";
import { decodeProgram } from "@assay/model";
import {
  createFloatSession,
  type LogitRows,
  measureQuality,
  type Quality,
} from "@assay/model/quantiser";
import { readModelFolder } from "../../scripts/model-folder.ts";
import type { Figure, SuiteOptions } from "../figure.ts";

const FOLDER = "models/demo";
/** A quick run takes one sequence in so many. */
const QUICK_SHARE = 16;
/** spec/01 §1.4: the unit of logits. */
const LOGIT_UNIT = 1 / 1024;

/** One measurement of one thing: it has no spread. */
function* figures(kind: string, quality: Quality): Generator<Figure> {
  const once = (value: number) => ({ value, runs: 1, min: value, max: value });
  const lower = { better: "lower", target: null } as const;
  yield {
    ...lower,
    name: `${kind}-perplexity-ratio`,
    unit: "×",
    target: 1.01,
    ...once(quality.ratio),
    peer: {
      name: `float perplexity over ${quality.positions} positions`,
      value: quality.floatPerplexity,
    },
  };
  yield {
    name: `${kind}-agreement`,
    unit: "%",
    better: "higher",
    target: 97,
    ...once(100 * quality.agreement),
  };
  yield {
    ...lower,
    name: `${kind}-largest-logit-error`,
    unit: "nat",
    ...once(quality.largestError),
  };
  yield { ...lower, name: `${kind}-mean-logit-error`, unit: "nat", ...once(quality.meanError) };
}

export async function* suite({ quick }: SuiteOptions): AsyncGenerator<Figure> {
  const { model, heldOut } = readModelFolder(FOLDER);
  const engine = createEngine(decodeProgram(readFileSync(`${FOLDER}/demo.assay`)));
  const float: LogitRows = (tokens) => {
    const session = createFloatSession(model);
    return tokens.map((token) => session.step(token));
  };
  const integer: LogitRows = (tokens) => {
    const session = engine.createSession();
    const rows = tokens.map((token) => {
      session.append([token]);
      return Float64Array.from(session.logits(), (logit) => logit * LOGIT_UNIT);
    });
    session.close();
    return rows;
  };
  for (const [kind, sequences] of Object.entries(heldOut)) {
    const chosen = quick ? sequences.filter((_, i) => i % QUICK_SHARE === 0) : sequences;
    yield* figures(kind, measureQuality(float, integer, chosen));
  }
}
