/**
 * Ways in which a worker can be made to cheat, to show and to test that it is caught.
 *
 * A cheat changes what the worker computes or says; nothing that it signs or sends tells so.
 */

import type { Program, Tensor } from "@assay/model";

export const CHEATS = ["weights"] as const;
export type Cheat = (typeof CHEATS)[number];

export const isCheat = (name: string): name is Cheat => CHEATS.some((cheat) => cheat === name);

/** Step of a 4-bit weight in an int8 range: −112 … 112. */
const FOUR_BIT_STEP = 16;
const FOUR_BIT_MAX = 7;

/**
 * `weights`: the same model with its weight matrices rounded to 4-bit precision.
 * It answers much alike, and is not the program that was ordered.
 */
export function withCheaperWeights(program: Program): Program {
  return { ...program, tensors: program.tensors.map(toFourBits) };
}

function toFourBits(tensor: Tensor): Tensor {
  if (tensor.type !== "int8") return tensor;
  const data = tensor.data.map((weight) => {
    const level = Math.round(weight / FOUR_BIT_STEP);
    return Math.max(-FOUR_BIT_MAX, Math.min(FOUR_BIT_MAX, level)) * FOUR_BIT_STEP;
  });
  return { ...tensor, data };
}
