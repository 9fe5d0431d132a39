import type { Kernels, Pointer } from "@assay/kernels";
import type { TensorId } from "@assay/model";
import type { CacheLayout, Forms } from "./program-layout.ts";
import type { Segment } from "./segment.ts";

/** Runs one operator on the first `rows` rows; ragged rows have `ragged` elements a head. */
export type Step = (rows: number, ragged: number) => void;

/** What the rows of a pass are, one int32 each. */
export interface BatchPointers {
  readonly tokens: Pointer;
  readonly positions: Pointer;
  /** Addresses of page tables: of the caches, and of the state rows that wait for hashing. */
  readonly cachePages: Pointer;
  readonly statePages: Pointer;
}

export interface TablePointers {
  readonly exp: Pointer;
  readonly silu: Pointer;
  readonly recip: Pointer;
  readonly rsqrt: Pointer;
}

/** A tensor's address and dimensions. */
export interface PlacedTensor {
  readonly at: Pointer;
  readonly dims: readonly number[];
}

export interface StepContext {
  readonly kernels: Kernels;
  readonly segment: Segment;
  readonly forms: Forms;
  readonly batch: BatchPointers;
  readonly tables: TablePointers;
  readonly tensors: readonly PlacedTensor[];
  readonly caches: readonly CacheLayout[];
  /** For one head's scores over the whole context. */
  readonly scratch: Pointer;
}

export function tensorOf({ tensors }: StepContext, id: TensorId): PlacedTensor {
  const tensor = tensors[id];
  if (tensor === undefined) throw new RangeError(`there is no tensor ${id}`);
  return tensor;
}
