/** Why `checkProgram` refuses a program (spec/01 §1.6); a test provokes each. */
export type CheckCode =
  /** `context`, `vocab` or an end token is out of range. */
  | "CHECK_HEAD"
  /** Blocks are not consecutive runs, or a state is not a row defined in its block. */
  | "CHECK_BLOCKS"
  /** `embed` is not the first operator and the only one. */
  | "CHECK_EMBED"
  /** The last operator is not a `requant24` of the head that is `vocab` wide. */
  | "CHECK_LOGITS"
  /** The head has an `append`. */
  | "CHECK_HEAD_APPEND"
  /** A variable is read that no earlier operator defines. */
  | "CHECK_VARIABLE"
  /** A variable is read that belongs to another block and is not the state of the one before. */
  | "CHECK_BLOCK_READ"
  /** A variable is of another kind than the operator reads. */
  | "CHECK_KIND"
  /** A variable does not come from the operator it has to come from. */
  | "CHECK_SOURCE"
  /** Widths do not match. */
  | "CHECK_WIDTH"
  /** A cache is read that no earlier `append` of the same block writes. */
  | "CHECK_CACHE"
  /** An attribute is out of its range. */
  | "CHECK_ATTRIBUTE"
  /** A tensor does not exist, or its data does not fill its dimensions. */
  | "CHECK_TENSOR"
  /** A tensor is of another type than the operator reads. */
  | "CHECK_TENSOR_TYPE"
  /** A tensor has other dimensions than the operator reads. */
  | "CHECK_TENSOR_SHAPE"
  /** An element of a tensor is out of its range. */
  | "CHECK_TENSOR_VALUE"
  /** The values an operator reads may be larger than it takes. */
  | "CHECK_INPUT_BOUND"
  /** An intermediate may reach 2^29. */
  | "CHECK_OVERFLOW"
  /** A shift may become negative. */
  | "CHECK_SHIFT";

/** Where: the operator's number, and the row (of a matrix, or element of a vector) where there is one. */
export interface Place {
  /** null where the fault is the program's and not one operator's. */
  readonly operator: number | null;
  readonly row?: number;
  /** By how much a bound is exceeded. */
  readonly excess?: number;
}

/** Thrown inside `checkProgram` only, which returns it. */
export class Refusal extends Error {
  readonly code: CheckCode;
  readonly place: Place;

  constructor(code: CheckCode, place: Place, message: string) {
    super(message);
    this.code = code;
    this.place = place;
  }
}
