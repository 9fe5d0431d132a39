/**
 * `checkProgram` (spec/01 §1.6): whether a program may run. What it accepts never overflows, on any
 * input; what it refuses, it refuses with a place and a number that say what to change.
 */

import { checkBounds } from "./check/bounds.ts";
import { type CheckCode, type Place, Refusal } from "./check/refusal.ts";
import { checkStructure, type Kind } from "./check/structure.ts";
import { checkTensors } from "./check/tensors.ts";
import type { Program } from "./program.ts";

/** Lists by variable number. */
export interface AcceptedProgram {
  readonly ok: true;
  readonly kinds: readonly Kind[];
  /** Elements of a row, heads of a ragged value or a mass, 1 for an exponent. */
  readonly widths: readonly number[];
  /** The largest magnitude an element can have. */
  readonly bounds: readonly number[];
}

export interface RefusedProgram extends Place {
  readonly ok: false;
  readonly code: CheckCode;
  readonly message: string;
}

/** Accepts or refuses `program`. Reads every weight: about 3 ms for a million of them. */
export function checkProgram(program: Program): AcceptedProgram | RefusedProgram {
  try {
    const structure = checkStructure(program);
    checkTensors(program);
    const bounds = checkBounds(program, structure);
    const kinds = structure.variables.map(({ kind }) => kind);
    const widths = structure.variables.map(({ width }) => width);
    return { ok: true, kinds, widths, bounds };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, code: error.code, message: error.message, ...error.place };
  }
}
