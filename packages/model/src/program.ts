/**
 * The integer program as a value (spec/01 §1.4–1.5): operators over numbered variables, tensors, assets.
 *
 * These types are what the codec (spec/02 §2.5) reads and writes; they are not checked by construction.
 * Only a program that `checkProgram` accepted may be executed.
 */

/** Opcodes of spec/01 §1.5. */
export const OPCODES = {
  embed: 1,
  add: 2,
  rowscale: 3,
  rmsnorm: 4,
  matmul: 5,
  requant16: 6,
  requant24: 7,
  table: 8,
  mul: 9,
  rope: 10,
  append: 11,
  qk: 12,
  softmax: 13,
  pv: 14,
  pnorm: 15,
} as const;

export type OperatorName = keyof typeof OPCODES;

/** Number of a variable, in order of definition. */
export type VariableId = number;
/** Index into `Program.tensors`. */
export type TensorId = number;
/** Number of a cache: the n-th `append` of the program. */
export type CacheId = number;

/** One operator; field names are those of spec/01 §1.5 and the attribute order that of spec/02 §2.2. */
export type Operator =
  | {
      readonly op: "embed";
      readonly weight: TensorId;
      readonly multiplier: TensorId;
      readonly s: number;
    }
  | { readonly op: "add"; readonly a: VariableId; readonly b: VariableId }
  | { readonly op: "rowscale"; readonly x: VariableId; readonly bits: number }
  | {
      readonly op: "rmsnorm";
      readonly x: VariableId;
      readonly exponent: VariableId;
      readonly multiplier: TensorId;
      readonly epsilon: number;
      readonly s: number;
      readonly t: number;
      readonly bound: number;
    }
  | {
      readonly op: "matmul";
      readonly x: VariableId;
      readonly weight: TensorId;
      readonly bias: TensorId | null;
    }
  | {
      readonly op: "requant16";
      readonly x: VariableId;
      readonly multiplier: TensorId;
      readonly s: number;
      readonly t: number;
      readonly bound: number;
    }
  | {
      readonly op: "requant24";
      readonly x: VariableId;
      readonly exponent: VariableId | null;
      readonly multiplier: TensorId;
      readonly s: number;
    }
  | { readonly op: "table"; readonly x: VariableId; readonly table: TableId }
  | { readonly op: "mul"; readonly a: VariableId; readonly b: VariableId }
  | {
      readonly op: "rope";
      readonly x: VariableId;
      readonly table: TensorId;
      readonly headDim: number;
      readonly s: number;
      readonly bound: number;
    }
  | { readonly op: "append"; readonly x: VariableId }
  | {
      readonly op: "qk";
      readonly q: VariableId;
      readonly cache: CacheId;
      readonly headDim: number;
      readonly heads: number;
    }
  | {
      readonly op: "softmax";
      readonly x: VariableId;
      readonly multiplier: TensorId;
      readonly s: number;
    }
  | {
      readonly op: "pv";
      readonly p: VariableId;
      readonly cache: CacheId;
      readonly headDim: number;
      readonly heads: number;
    }
  | {
      readonly op: "pnorm";
      readonly x: VariableId;
      readonly mass: VariableId;
      readonly headDim: number;
      readonly s: number;
      readonly t: number;
      readonly bound: number;
    };

/** Global tables that `table` may name (spec/01 §1.3). */
export const TABLE_IDS = { silu: 1 } as const;
export type TableId = (typeof TABLE_IDS)[keyof typeof TABLE_IDS];

/** A run of operators that ends at operator `end` (exclusive) with variable `state`. */
export interface Block {
  readonly end: number;
  readonly state: VariableId;
}

/**
 * A tensor. `int8`: [N, K], data N × stride with stride = K rounded up to 64, padding zero.
 * `uint16`, `int32`: [N]. `int16`: [positions, D / 2, 2].
 */
export type Tensor =
  | { readonly type: "int8"; readonly dims: readonly [number, number]; readonly data: Int8Array }
  | { readonly type: "uint16"; readonly dims: readonly [number]; readonly data: Uint16Array }
  | { readonly type: "int32"; readonly dims: readonly [number]; readonly data: Int32Array }
  | {
      readonly type: "int16";
      readonly dims: readonly [number, number, number];
      readonly data: Int16Array;
    };

export const ASSET_KINDS = { tokenizer: 1, chatTemplate: 2 } as const;
export type AssetKind = keyof typeof ASSET_KINDS;

/** Text that belongs to the program's meaning and so to its root. */
export interface Asset {
  readonly kind: AssetKind;
  readonly data: Uint8Array;
}

export interface Program {
  /** Positions the program can process, 1 … 16384. */
  readonly context: number;
  readonly vocab: number;
  readonly operators: readonly Operator[];
  readonly blocks: readonly Block[];
  readonly tensors: readonly Tensor[];
  readonly assets: readonly Asset[];
  /** Tokens that end an answer. */
  readonly endTokens: readonly number[];
}

/** Bytes from one row of an int8 matrix to the next (spec/02 §2.3). */
export const rowStride = (k: number): number => Math.ceil(k / 64) * 64;
