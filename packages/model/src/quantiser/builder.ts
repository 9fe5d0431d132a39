/** Assembles a program: numbers variables, caches and tensors in order of definition (spec/01 §1.4). */

import type {
  Block,
  CacheId,
  Operator,
  Program,
  Tensor,
  TensorId,
  VariableId,
} from "../program.ts";

/** Operators that define two variables. */
type PairOperator = Extract<Operator, { op: "rowscale" | "softmax" }>;
/** Operators that define one. */
type SingleOperator = Exclude<Operator, { op: "rowscale" | "softmax" | "append" }>;

export class ProgramBuilder {
  readonly #operators: Operator[] = [];
  readonly #blocks: Block[] = [];
  readonly #tensors: Tensor[] = [];
  #variables = 0;
  #caches = 0;

  tensor(tensor: Tensor): TensorId {
    return this.#tensors.push(tensor) - 1;
  }

  multipliers(data: Uint16Array): TensorId {
    return this.tensor({ type: "uint16", dims: [data.length], data });
  }

  define(operator: SingleOperator): VariableId {
    this.#operators.push(operator);
    return this.#variables++;
  }

  definePair(operator: PairOperator): readonly [VariableId, VariableId] {
    this.#operators.push(operator);
    this.#variables += 2;
    return [this.#variables - 2, this.#variables - 1];
  }

  append(x: VariableId): CacheId {
    this.#operators.push({ op: "append", x });
    return this.#caches++;
  }

  endBlock(state: VariableId): void {
    this.#blocks.push({ end: this.#operators.length, state });
  }

  build(rest: Pick<Program, "context" | "vocab" | "assets" | "endTokens">): Program {
    return {
      context: rest.context,
      vocab: rest.vocab,
      operators: this.#operators,
      blocks: this.#blocks,
      tensors: this.#tensors,
      assets: rest.assets,
      endTokens: rest.endTokens,
    };
  }
}
