/** Buffers for the variables of a run of operators, for a number of rows at once. */

import { BUFFER_SLACK, type Pointer, paddedWidth, type Stride } from "@assay/kernels";
import type { AcceptedProgram, VariableId } from "@assay/model";
import type { Arena } from "./arena.ts";
import { type Definition, type Form, type Forms, type Read, reads } from "./program-layout.ts";

/** Elements of a ragged row's head, for `positions` positions. */
export const raggedWidth = (positions: number): number => Math.ceil(positions / 8) * 8;

/** Buffers at offsets, those in use at the same time apart from each other: first fit. */
class OffsetAllocator {
  #used: readonly { readonly from: number; readonly to: number }[] = [];
  /** The end of the highest buffer there ever was. */
  size = 0;

  allocate(bytes: number): number {
    let from = 0;
    for (const used of this.#used) {
      if (used.from - from >= bytes) break;
      from = used.to;
    }
    const to = from + bytes;
    this.#used = [...this.#used, { from, to }].sort((a, b) => a.from - b.from);
    this.size = Math.max(this.size, to);
    return from;
  }

  free(offset: number): void {
    this.#used = this.#used.filter(({ from }) => from !== offset);
  }
}

const keyOf = ({ variable, form }: Read): string => `${variable} ${form}`;

export interface SegmentInit {
  readonly definitions: readonly Definition[];
  readonly forms: Forms;
  readonly accepted: AcceptedProgram;
  /** Rows that a pass writes at most. */
  readonly rows: number;
  /** Room of a ragged buffer: positions of a head, all rows together. */
  readonly raggedPositions: number;
  /** Written from outside before the first operator. */
  readonly inputs: readonly VariableId[];
  /** Read from outside after the operator of that index. */
  readonly outputs: readonly { readonly after: number; readonly variable: VariableId }[];
}

/** Where the variables of the run lie. */
export class Segment {
  readonly #widths: readonly number[];
  readonly #offsets: ReadonlyMap<string, number>;
  readonly #base: Pointer;

  constructor(arena: Arena, init: SegmentInit) {
    this.#widths = init.accepted.widths;
    const { offsets, size } = assignOffsets(init);
    this.#offsets = offsets;
    this.#base = arena.allocate(size);
  }

  /** Address of the first row. */
  at(variable: VariableId, form: Form): Pointer {
    const offset = this.#offsets.get(keyOf({ variable, form }));
    if (offset === undefined) throw new RangeError(`variable ${variable} is not kept as ${form}`);
    return this.#base + offset;
  }

  has(variable: VariableId, form: Form): boolean {
    return this.#offsets.has(keyOf({ variable, form }));
  }

  width(variable: VariableId): number {
    const width = this.#widths[variable];
    if (width === undefined) throw new RangeError(`there is no variable ${variable}`);
    return width;
  }

  /** Bytes from row to row. */
  stride(variable: VariableId, form: "row16" | "row32" | "mass"): Stride {
    return rowBytes(form, this.width(variable), 0);
  }
}

/** Of ragged forms, for `positions` positions. */
function rowBytes(form: Form, width: number, positions: number): number {
  switch (form) {
    case "row16":
      return 2 * paddedWidth(width);
    case "row32":
      return 4 * paddedWidth(width);
    case "exponent":
      return 4;
    case "mass":
      return 4 * width;
    case "ragged16":
      return 2 * width * positions;
    case "ragged32":
      return 4 * width * positions;
  }
}

function isRagged(form: Form): boolean {
  return form === "ragged16" || form === "ragged32";
}

/** The index after which each buffer is not read any more, by its key. */
function lastReads(init: SegmentInit): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  init.definitions.forEach(({ operator }, index) => {
    for (const read of reads(operator, init.forms)) last.set(keyOf(read), index);
  });
  for (const { after, variable } of init.outputs) {
    const key = keyOf({ variable, form: "row32" });
    last.set(key, Math.max(after, last.get(key) ?? 0));
  }
  return last;
}

function assignOffsets(init: SegmentInit): {
  readonly offsets: ReadonlyMap<string, number>;
  readonly size: number;
} {
  const allocator = new OffsetAllocator();
  const offsets = new Map<string, number>();
  const last = lastReads(init);
  const live = new Map<string, number>();
  const define = (variable: VariableId, written: Form, index: number): void => {
    const converted = (["row16", "row32"] as const).filter((form) =>
      last.has(keyOf({ variable, form })),
    );
    for (const form of new Set([written, ...converted])) {
      const key = keyOf({ variable, form });
      const width = init.accepted.widths[variable] ?? 0;
      const bytes = isRagged(form)
        ? rowBytes(form, width, init.raggedPositions)
        : init.rows * rowBytes(form, width, 0);
      const offset = allocator.allocate(Math.ceil((bytes + BUFFER_SLACK) / 64) * 64);
      offsets.set(key, offset);
      live.set(key, last.get(key) ?? index);
    }
  };
  for (const variable of init.inputs) define(variable, "row32", -1);
  init.definitions.forEach(({ outputs }, index) => {
    for (const variable of outputs)
      define(variable, init.forms.written[variable] ?? "row32", index);
    for (const [key, until] of live) {
      if (until > index) continue;
      allocator.free(offsets.get(key) ?? 0);
      live.delete(key);
    }
  });
  return { offsets, size: allocator.size };
}
