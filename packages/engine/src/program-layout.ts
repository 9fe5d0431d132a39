/**
 * What a program needs of memory, computed once: which operator defines which variables, in which forms
 * they are kept, and where caches and state rows lie in a session's pages.
 */

import { PAGE_POSITIONS, type Stride } from "@assay/kernels";
import type { AcceptedProgram, Operator, Program, VariableId } from "@assay/model";

/** Rows are kept as int16, int32 or both, whatever their readers want. */
export type Form = "row16" | "row32" | "exponent" | "mass" | "ragged16" | "ragged32";

/** An operator with the numbers of the variables it defines. */
export interface Definition {
  readonly operator: Operator;
  readonly outputs: readonly VariableId[];
}

const OUTPUTS: Readonly<Partial<Record<Operator["op"], number>>> = {
  append: 0,
  rowscale: 2,
  softmax: 2,
};

export function definitions(program: Program): readonly Definition[] {
  let next = 0;
  return program.operators.map((operator) => {
    const count = OUTPUTS[operator.op] ?? 1;
    const outputs = Array.from({ length: count }, () => next++);
    return { operator, outputs };
  });
}

/** The form an operator writes its outputs in. */
export function writtenForms(operator: Operator): readonly Form[] {
  switch (operator.op) {
    case "append":
      return [];
    case "rowscale":
      return ["row16", "exponent"];
    case "softmax":
      return ["ragged16", "mass"];
    case "qk":
      return ["ragged32"];
    case "rmsnorm":
    case "requant16":
    case "table":
    case "rope":
    case "pnorm":
      return ["row16"];
    case "embed":
    case "add":
    case "matmul":
    case "requant24":
    case "mul":
    case "pv":
      return ["row32"];
  }
}

export interface Read {
  readonly variable: VariableId;
  readonly form: Form;
}

/** What the form of an operator's inputs depends on. */
export interface Forms {
  /** The form that the variable's own operator writes. */
  readonly written: readonly Form[];
  readonly bounds: readonly number[];
}

const LARGEST_INT16 = 32767;

export function isMul16(operator: Extract<Operator, { op: "mul" }>, { written }: Forms): boolean {
  return written[operator.a] === "row16" && written[operator.b] === "row16";
}

/** Queries may be larger than int16 (spec/01 §1.5.12), at the price of a plain loop. */
export function queryForm(operator: Extract<Operator, { op: "qk" }>, { bounds }: Forms): Form {
  return (bounds[operator.q] ?? 0) > LARGEST_INT16 ? "row32" : "row16";
}

export function reads(operator: Operator, forms: Forms): readonly Read[] {
  const row16 = (variable: VariableId): Read => ({ variable, form: "row16" });
  const row32 = (variable: VariableId): Read => ({ variable, form: "row32" });
  switch (operator.op) {
    case "embed":
      return [];
    case "add":
      return [row32(operator.a), row32(operator.b)];
    case "mul":
      return [operator.a, operator.b].map(isMul16(operator, forms) ? row16 : row32);
    case "rowscale":
    case "requant16":
      return [row32(operator.x)];
    case "requant24":
      if (operator.exponent === null) return [row32(operator.x)];
      return [row32(operator.x), { variable: operator.exponent, form: "exponent" }];
    case "rmsnorm":
      return [row16(operator.x), { variable: operator.exponent, form: "exponent" }];
    case "matmul":
    case "table":
    case "rope":
    case "append":
      return [row16(operator.x)];
    case "qk":
      return [{ variable: operator.q, form: queryForm(operator, forms) }];
    case "softmax":
      return [{ variable: operator.x, form: "ragged32" }];
    case "pv":
      return [{ variable: operator.p, form: "ragged16" }];
    case "pnorm":
      return [row32(operator.x), { variable: operator.mass, form: "mass" }];
  }
}

export function formsOf(program: Program, accepted: AcceptedProgram): Forms {
  const written = program.operators.flatMap((operator) => writtenForms(operator));
  return { written, bounds: accepted.bounds };
}

/** A cache within a page: rows of one block's appends at one position lie side by side, as spec/02 §2.7 hashes them. */
export interface CacheLayout {
  readonly width: number;
  readonly offset: number;
  readonly stride: Stride;
}

/** One block's part of a page of `PAGE_POSITIONS` positions, and of the state rows that wait for hashing. */
interface BlockLayout {
  readonly state: VariableId;
  readonly stateBytes: number;
  readonly stateOffset: number;
  readonly kvBytes: number;
  readonly kvOffset: number;
}

export interface SessionLayout {
  readonly blocks: readonly BlockLayout[];
  readonly caches: readonly CacheLayout[];
  /** Where a page keeps its 32-byte position roots (spec/02 §2.7). */
  readonly rootsOffset: number;
  readonly pageBytes: number;
  /** Of the state rows of one page's positions, all blocks. */
  readonly stateBytes: number;
}

export function sessionLayout(program: Program, accepted: AcceptedProgram): SessionLayout {
  const width = (variable: VariableId): number => accepted.widths[variable] ?? 0;
  const blocks: BlockLayout[] = [];
  const caches: CacheLayout[] = [];
  let [first, kvOffset, stateOffset] = [0, 0, 0];
  for (const { end, state } of program.blocks) {
    const widths = program.operators
      .slice(first, end)
      .flatMap((operator) => (operator.op === "append" ? [width(operator.x)] : []));
    const kvBytes = 2 * widths.reduce((sum, value) => sum + value, 0);
    let offset = kvOffset;
    for (const cacheWidth of widths) {
      caches.push({ width: cacheWidth, offset, stride: kvBytes });
      offset += 2 * cacheWidth;
    }
    const stateBytes = 4 * width(state);
    blocks.push({ state, stateBytes, stateOffset, kvBytes, kvOffset });
    stateOffset += stateBytes * PAGE_POSITIONS;
    kvOffset += kvBytes * PAGE_POSITIONS;
    first = end;
  }
  const pageBytes = kvOffset + 32 * PAGE_POSITIONS;
  return { blocks, caches, rootsOffset: kvOffset, pageBytes, stateBytes: stateOffset };
}
