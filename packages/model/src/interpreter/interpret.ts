/**
 * The reference interpreter: spec/01 §1.5 read aloud. Slow, and on purpose: one position after the
 * other, one element after the other, every intermediate checked to be below 2^29. It shares nothing
 * but the tables with the code that runs models fast, and is the oracle of that code.
 */

import type { Operator, Program, Tensor } from "../program.ts";
import { traceLeaf, tracePosition, traceRoot } from "../trace.ts";
import { type Named, namedIn } from "./arithmetic.ts";
import { type Cache, pnorm, pv, qk, type Ragged, softmax } from "./attention-operators.ts";
import {
  add,
  embed,
  matmul,
  mul,
  type Row,
  requant16Row,
  requant24Row,
  rmsnorm,
  rope,
  rowscale,
  table,
} from "./row-operators.ts";

/** What one position left behind. */
export interface InterpretedPosition {
  /** At scale 2^−10, `vocab` wide. */
  readonly logits: Int32Array;
  /** The state row of each block. */
  readonly states: readonly Int32Array[];
  /** What the appends of each block wrote, concatenated. */
  readonly kv: readonly Int16Array[];
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError("checkProgram has not accepted this program");
  return value;
}

/** The variables of one position, by number, and the caches of all positions so far. */
class Machine {
  readonly #tensors: readonly Tensor[];
  readonly #caches: readonly Row[][];
  readonly #rows = new Map<number, Row>();
  readonly #exponents = new Map<number, number>();
  readonly #ragged = new Map<number, Ragged>();
  #defined = 0;
  #appended = 0;

  constructor(tensors: readonly Tensor[], caches: readonly Row[][]) {
    this.#tensors = tensors;
    this.#caches = caches;
  }

  tensor(id: number): Tensor {
    return known(this.#tensors[id]);
  }

  row(id: number): Row {
    return known(this.#rows.get(id));
  }

  exponent(id: number): number {
    return known(this.#exponents.get(id));
  }

  ragged(id: number): Ragged {
    return known(this.#ragged.get(id));
  }

  cache(id: number): Cache {
    return known(this.#caches[id]);
  }

  lastRow(): Row {
    return this.row(this.#defined - 1);
  }

  appended(): number {
    return this.#appended;
  }

  defineRow(value: Row): void {
    this.#rows.set(this.#defined++, value);
  }

  defineExponent(value: number): void {
    this.#exponents.set(this.#defined++, value);
  }

  defineRagged(value: Ragged): void {
    this.#ragged.set(this.#defined++, value);
  }

  append(row: Row): void {
    known(this.#caches[this.#appended++]).push(row);
  }
}

/**
 * Runs `program` on `tokens`, from the beginning.
 *
 * @param program accepted by `checkProgram`
 * @throws {RangeError} if a token or their number is out of range
 * @throws {Error} if an intermediate is not below 2^29, which `checkProgram` excludes
 */
export function interpret(program: Program, tokens: readonly number[]): InterpretedPosition[] {
  if (tokens.length > program.context) throw new RangeError(`more than ${program.context} tokens`);
  const appends = program.operators.filter((operator) => operator.op === "append");
  const caches = appends.map((): Row[] => []);
  return tokens.map((token, position) => {
    if (!(token >= 0 && token < program.vocab)) throw new RangeError(`there is no token ${token}`);
    return interpretPosition(program, caches, token, position);
  });
}

function interpretPosition(
  program: Program,
  caches: readonly Row[][],
  token: number,
  position: number,
): InterpretedPosition {
  const machine = new Machine(program.tensors, caches);
  const states: Int32Array[] = [];
  const kv: Int16Array[] = [];
  let written = 0;
  program.operators.forEach((operator, index) => {
    const named = namedIn(operator.op, index);
    if (operator.op === "embed") {
      const { weight, multiplier } = operator;
      const m = machine.tensor(multiplier);
      machine.defineRow(embed(named, operator, machine.tensor(weight), m, token));
    } else if (operator.op === "rope") {
      const { x, table } = operator;
      machine.defineRow(rope(named, operator, machine.row(x), machine.tensor(table), position));
    } else {
      runOperator(machine, operator, named);
    }
    const block = program.blocks[states.length];
    if (block?.end !== index + 1) return;
    states.push(Int32Array.from(machine.row(block.state)));
    const caught = caches.slice(written, machine.appended()).map((rows) => known(rows[position]));
    kv.push(Int16Array.from(caught.flat()));
    written = machine.appended();
  });
  return { logits: Int32Array.from(machine.lastRow()), states, kv };
}

/** Runs an operator that depends on neither the token nor the position. */
function runOperator(
  m: Machine,
  o: Exclude<Operator, { readonly op: "embed" | "rope" }>,
  named: Named,
): void {
  switch (o.op) {
    case "add":
      m.defineRow(add(named, m.row(o.a), m.row(o.b)));
      break;
    case "rowscale": {
      const [x, e] = rowscale(named, o, m.row(o.x));
      m.defineRow(x);
      m.defineExponent(e);
      break;
    }
    case "rmsnorm":
      m.defineRow(rmsnorm(named, o, m.row(o.x), m.exponent(o.exponent), m.tensor(o.multiplier)));
      break;
    case "matmul": {
      const bias = o.bias === null ? null : m.tensor(o.bias);
      m.defineRow(matmul(named, m.row(o.x), m.tensor(o.weight), bias));
      break;
    }
    case "requant16":
      m.defineRow(requant16Row(named, o, m.row(o.x), m.tensor(o.multiplier)));
      break;
    case "requant24": {
      const e = o.exponent === null ? 0 : m.exponent(o.exponent);
      m.defineRow(requant24Row(named, o, m.row(o.x), e, m.tensor(o.multiplier)));
      break;
    }
    case "table":
      m.defineRow(table(m.row(o.x)));
      break;
    case "mul":
      m.defineRow(mul(named, m.row(o.a), m.row(o.b)));
      break;
    default:
      runAttention(m, o, named);
  }
}

function runAttention(
  m: Machine,
  o: Extract<Operator, { readonly op: "append" | "qk" | "softmax" | "pv" | "pnorm" }>,
  named: Named,
): void {
  switch (o.op) {
    case "append":
      m.append(m.row(o.x));
      break;
    case "qk":
      m.defineRagged(qk(named, o, m.row(o.q), m.cache(o.cache)));
      break;
    case "softmax": {
      const [p, mass] = softmax(named, o, m.ragged(o.x), m.tensor(o.multiplier));
      m.defineRagged(p);
      m.defineRow(mass);
      break;
    }
    case "pv":
      m.defineRow(pv(named, o, m.ragged(o.p), m.cache(o.cache)));
      break;
    case "pnorm":
      m.defineRow(pnorm(named, o, m.row(o.x), m.row(o.mass)));
      break;
  }
}

/** The trace root (spec/02 §2.7) of the positions that `interpret` gave. */
export function interpretedTraceRoot(positions: readonly InterpretedPosition[]): Uint8Array {
  const roots = positions.map(({ states, kv }) =>
    tracePosition(states.map((state, block) => traceLeaf(state, known(kv[block])))),
  );
  return traceRoot(roots, known(positions[0]).states.length);
}
