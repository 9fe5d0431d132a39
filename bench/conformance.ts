/** Compares every way in which the engine runs a program with the reference interpreter, bit for bit. */

import { createEngine, type Engine, type Session } from "@assay/engine";
import {
  type InterpretedPosition,
  interpret,
  interpretedTraceRoot,
  type Program,
} from "@assay/model";
import { equalBytes } from "@assay/wire";

export interface Comparison {
  /** Pairs of a token sequence and a way to run it. */
  readonly cases: number;
  readonly differing: number;
}

interface Expected {
  readonly tokens: readonly number[];
  readonly positions: readonly InterpretedPosition[];
  readonly traceRoot: Uint8Array;
}

const equalLogits = (a: Int32Array, b: Int32Array | undefined): boolean =>
  a.length === b?.length && a.every((logit, i) => logit === b[i]);

function sameLogits(session: Session, { positions }: Expected): boolean {
  return equalLogits(session.logits(), positions[session.length - 1]?.logits);
}

/** The trace root covers what every block of every position computed. */
function sameState(session: Session, expected: Expected): boolean {
  return (
    session.length === expected.tokens.length &&
    sameLogits(session, expected) &&
    equalBytes(session.traceRoot(), expected.traceRoot)
  );
}

/** All tokens in as few passes as the engine makes of them. */
function runsAtOnce(engine: Engine, expected: Expected): boolean {
  const session = engine.createSession();
  session.append(expected.tokens);
  const same = sameState(session, expected);
  session.close();
  return same;
}

/** One token a pass, the logits of every position compared. */
function runsOneByOne(engine: Engine, expected: Expected): boolean {
  const session = engine.createSession();
  let same = true;
  for (const token of expected.tokens) {
    session.append([token]);
    same = sameLogits(session, expected) && same;
  }
  same = sameState(session, expected) && same;
  session.close();
  return same;
}

/** All sequences, of one length, side by side in one batch: how many of them differ. */
function differInBatch(engine: Engine, all: readonly Expected[]): number {
  const sessions = all.map(() => engine.createSession());
  const same = all.map(() => true);
  const compare = (equal: (session: Session, expected: Expected) => boolean): void => {
    for (const [i, expected] of all.entries()) {
      const session = sessions[i];
      if (session === undefined || !equal(session, expected)) same[i] = false;
    }
  };
  for (let p = 0; p < (all[0]?.tokens.length ?? 0); p++) {
    engine.decode(
      sessions,
      all.map(({ tokens }) => tokens[p] ?? 0),
    );
    compare(sameLogits);
  }
  compare(sameState);
  for (const session of sessions) session.close();
  return same.filter((is) => !is).length;
}

/** Each of `sequences`, which have one length: at once, token by token, and all of them in one batch. */
export function compareWithInterpreter(
  program: Program,
  sequences: readonly (readonly number[])[],
): Comparison {
  const engine = createEngine(program);
  const all = sequences.map((tokens): Expected => {
    const positions = interpret(program, tokens);
    return { tokens, positions, traceRoot: interpretedTraceRoot(positions) };
  });
  const alone = [runsAtOnce, runsOneByOne].flatMap((run) =>
    all.filter((expected) => !run(engine, expected)),
  );
  return { cases: 3 * all.length, differing: alone.length + differInBatch(engine, all) };
}
