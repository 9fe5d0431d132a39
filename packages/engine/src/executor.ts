/**
 * Runs a program on a batch of rows: all operators of the blocks on all rows, then those of the head on the rows
 * whose logits are wanted. A row is one position of one session, and rows of a session come in order.
 */

import { PAGE_POSITIONS, type Pointer, paddedWidth } from "@assay/kernels";
import {
  type AcceptedProgram,
  globalTables,
  type Program,
  type Tensor,
  type VariableId,
} from "@assay/model";
import type { Arena } from "./arena.ts";
import { hashing } from "./hashing.ts";
import {
  type Definition,
  definitions,
  formsOf,
  type SessionLayout,
  sessionLayout,
} from "./program-layout.ts";
import { raggedWidth, Segment } from "./segment.ts";
import type {
  BatchPointers,
  PlacedTensor,
  Step,
  StepContext,
  TablePointers,
} from "./step-context.ts";
import { compileNarrow, compileSteps } from "./steps.ts";

export interface BatchRow {
  readonly token: number;
  readonly position: number;
  readonly cachePages: Pointer;
  readonly statePages: Pointer;
}

/** Given the row's index in the batch and the address of its logits, which the next rows overwrite. */
export type OnLogits = (row: number, logits: Pointer) => void;

/** What the largest ragged buffers hold at most, in positions of one head, unless one row needs more. */
const RAGGED_POSITIONS = 65_536;
const HEAD_BYTES = 8 * 1024 * 1024;

interface Block {
  readonly steps: readonly Step[];
  readonly state: Pointer;
  readonly stateStride: number;
  readonly stateBytes: number;
  readonly stateOffset: number;
}

interface Head {
  readonly steps: readonly Step[];
  readonly rows: number;
  /** The last block's state, from which rows are copied into the head's own. */
  readonly from: Pointer;
  readonly state: Pointer;
  readonly stateStride: number;
  readonly batch: BatchPointers;
  readonly logits: Pointer;
  readonly logitsStride: number;
}

export class Executor {
  readonly layout: SessionLayout;
  readonly tables: TablePointers;
  /** Multiplications of weights that one position takes. */
  readonly workPerPosition: number;
  readonly #arena: Arena;
  readonly #raggedPositions: number;
  readonly #batch: BatchPointers;
  readonly #blocks: readonly Block[];
  readonly #head: Head;

  constructor(arena: Arena, program: Program, accepted: AcceptedProgram) {
    this.#arena = arena;
    this.layout = sessionLayout(program, accepted);
    this.tables = placeTables(arena);
    this.workPerPosition = matmulWork(program);
    this.#raggedPositions = raggedPositions(program.context);
    this.#batch = allocateBatch(arena, PAGE_POSITIONS);
    const shared = {
      kernels: arena.kernels,
      forms: formsOf(program, accepted),
      tables: this.tables,
      tensors: program.tensors.map((tensor) => placeTensor(arena, tensor)),
      caches: this.layout.caches,
      scratch: arena.allocate(4 * raggedWidth(program.context)),
    };
    const defined = definitions(program);
    const { last, segment } = this.#bodySegment(program, accepted, defined, shared.forms);
    const body = { ...shared, segment, batch: this.#batch };
    this.#blocks = this.#compileBlocks(program, body, defined);
    const head = { program, accepted, definitions: defined, last, from: segment };
    this.#head = compileHead(arena, head, shared);
  }

  #bodySegment(
    program: Program,
    accepted: AcceptedProgram,
    defined: readonly Definition[],
    forms: StepContext["forms"],
  ): { readonly last: VariableId; readonly segment: Segment } {
    const blocks = program.blocks.map(({ end, state }) => ({ after: end - 1, variable: state }));
    const end = program.blocks.at(-1)?.end ?? 0;
    const last = program.blocks.at(-1)?.state ?? 0;
    const segment = new Segment(this.#arena, {
      definitions: defined.slice(0, end),
      forms,
      accepted,
      rows: PAGE_POSITIONS,
      raggedPositions: this.#raggedPositions,
      inputs: [],
      outputs: blocks,
    });
    return { last, segment };
  }

  #compileBlocks(
    program: Program,
    context: StepContext,
    defined: readonly Definition[],
  ): readonly Block[] {
    let [first, caches] = [0, 0];
    return program.blocks.map(({ end, state }, b) => {
      const own = defined.slice(first, end);
      const steps = compileSteps(context, own, caches);
      caches += own.filter(({ operator }) => operator.op === "append").length;
      first = end;
      return {
        steps,
        state: context.segment.at(state, "row32"),
        stateStride: context.segment.stride(state, "row32"),
        stateBytes: this.layout.blocks[b]?.stateBytes ?? 0,
        stateOffset: this.layout.blocks[b]?.stateOffset ?? 0,
      };
    });
  }

  /** Rows that one batch may have when its longest row sees `positions` positions. */
  batchRows(positions: number): number {
    const fit = Math.floor(this.#raggedPositions / raggedWidth(positions));
    return Math.max(1, Math.min(PAGE_POSITIONS, fit));
  }

  /** Runs `rows`, at most `batchRows` of them, and the head on those from index `headFrom` on. */
  run(rows: readonly BatchRow[], headFrom: number, onLogits: OnLogits): void {
    this.#writeBatch(this.#batch, rows);
    const longest = rows.reduce((most, { position }) => Math.max(most, position + 1), 1);
    const ragged = raggedWidth(longest);
    const { kernels } = this.#arena;
    const { positions, statePages } = this.#batch;
    for (const { steps, state, stateStride, stateBytes, stateOffset } of this.#blocks) {
      for (const step of steps) step(rows.length, ragged);
      // The state rows go where the caches' rows go: into pages, from which they are hashed.
      kernels.append(
        state,
        stateStride,
        positions,
        statePages,
        rows.length,
        stateBytes,
        stateOffset,
        stateBytes,
      );
    }
    const head = this.#head;
    for (let first = headFrom; first < rows.length; first += head.rows) {
      const some = rows.slice(first, first + head.rows);
      this.#writeBatch(head.batch, some);
      const from = head.from + first * head.stateStride;
      this.#arena.copy(head.state, from, some.length * head.stateStride);
      for (const step of head.steps) step(some.length, ragged);
      some.forEach((_, i) => {
        onLogits(first + i, head.logits + i * head.logitsStride);
      });
    }
  }

  #writeBatch(batch: BatchPointers, rows: readonly BatchRow[]): void {
    const write = (pointer: Pointer, value: (row: BatchRow) => number): void => {
      const words = this.#arena.words(pointer, rows.length);
      for (const [i, row] of rows.entries()) words[i] = value(row);
    };
    write(batch.tokens, ({ token }) => token);
    write(batch.positions, ({ position }) => position);
    write(batch.cachePages, ({ cachePages }) => cachePages);
    write(batch.statePages, ({ statePages }) => statePages);
  }
}

function raggedPositions(context: number): number {
  const row = raggedWidth(context);
  return Math.min(PAGE_POSITIONS * row, Math.max(row, RAGGED_POSITIONS));
}

function matmulWork({ operators, tensors }: Program): number {
  return operators.reduce((work, operator) => {
    if (operator.op !== "matmul") return work;
    const [n = 0, k = 0] = tensors[operator.weight]?.dims ?? [];
    return work + n * k;
  }, 0);
}

function placeTensor(arena: Arena, tensor: Tensor): PlacedTensor {
  return { at: arena.place(tensor.data), dims: tensor.dims };
}

function placeTables(arena: Arena): TablePointers {
  const { exp, silu, recip, rsqrt } = globalTables((bytes) => hashing().sha256(bytes));
  return {
    exp: arena.place(exp),
    silu: arena.place(silu),
    recip: arena.place(recip),
    rsqrt: arena.place(rsqrt),
  };
}

function allocateBatch(arena: Arena, rows: number): BatchPointers {
  return {
    tokens: arena.allocate(4 * rows),
    positions: arena.allocate(4 * rows),
    cachePages: arena.allocate(4 * rows),
    statePages: arena.allocate(4 * rows),
  };
}

interface HeadInit {
  readonly program: Program;
  readonly accepted: AcceptedProgram;
  readonly definitions: readonly Definition[];
  readonly last: VariableId;
  /** The body's segment, which holds the last state. */
  readonly from: Segment;
}

function compileHead(
  arena: Arena,
  init: HeadInit,
  shared: Omit<StepContext, "segment" | "batch">,
): Head {
  const { program, accepted, last, from } = init;
  const own = init.definitions.slice(program.blocks.at(-1)?.end ?? 0);
  const logitsVariable = own.at(-1)?.outputs[0] ?? 0;
  const fit = Math.floor(HEAD_BYTES / (4 * paddedWidth(program.vocab)));
  const rows = Math.max(1, Math.min(PAGE_POSITIONS, fit));
  const segment = new Segment(arena, {
    definitions: own,
    forms: shared.forms,
    accepted,
    rows,
    raggedPositions: 0,
    inputs: [last],
    outputs: [{ after: own.length, variable: logitsVariable }],
  });
  const batch = allocateBatch(arena, rows);
  const context: StepContext = { ...shared, segment, batch };
  const narrow = segment.has(last, "row16") ? [compileNarrow(context, last)] : [];
  return {
    steps: [...narrow, ...compileSteps(context, own, 0)],
    rows,
    from: from.at(last, "row32"),
    state: segment.at(last, "row32"),
    stateStride: segment.stride(last, "row32"),
    batch,
    logits: segment.at(logitsVariable, "row32"),
    logitsStride: segment.stride(logitsVariable, "row32"),
  };
}
