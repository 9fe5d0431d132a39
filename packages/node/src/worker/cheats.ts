/**
 * How a worker behaves: honestly, or in one of the ways in which it can be made to cheat, to show and to test that
 * it is caught.
 *
 * A cheat changes what the worker computes or says; nothing that it signs or sends tells so.
 */

import type { Program, Tensor } from "@assay/model";
import {
  addressOf,
  keccak256,
  type Receipt,
  receiptHash,
  type SigningDomain,
  signTyped,
} from "@assay/wire";

export const CHEATS = ["weights", "tokens", "seed", "replay", "equivocate", "withhold"] as const;
export type Cheat = (typeof CHEATS)[number];

export const isCheat = (name: string): name is Cheat => CHEATS.some((cheat) => cheat === name);

export interface SignedByWorker {
  readonly receipt: Receipt;
  readonly signature: Uint8Array;
}

/** Where a cheater does otherwise; each leaves everything as it is for an honest worker. */
export interface Conduct {
  /** What runs in the ordered program's place. */
  readonly program: (ordered: Program) => Program;
  readonly seed: (ordered: Uint8Array) => Uint8Array;
  /** What is sent and signed in place of output token `index`. */
  readonly token: (token: number, index: number) => number;
  /** What is handed to the client and kept in place of the receipt; undefined hands out none. */
  readonly handOut: (signed: SignedByWorker, domain: SigningDomain) => SignedByWorker | undefined;
  /** A second receipt for the same order, to be published. */
  readonly second: (receipt: Receipt) => Receipt | undefined;
}

export const HONEST: Conduct = {
  program: (ordered) => ordered,
  seed: (ordered) => ordered,
  token: (token) => token,
  handOut: (signed) => signed,
  second: () => undefined,
};

export function conductOf(cheat: Cheat): Conduct {
  switch (cheat) {
    case "weights":
      return { ...HONEST, program: withCheaperWeights };
    case "tokens":
      return { ...HONEST, token: editedToken };
    case "seed":
      return { ...HONEST, seed: (ordered) => keccak256(ordered) };
    case "replay":
      return { ...HONEST, handOut: replayed };
    case "equivocate":
      return {
        ...HONEST,
        second: (receipt) => ({ ...receipt, completedAt: receipt.completedAt - 1n }),
      };
    case "withhold":
      // Nobody checks what nobody sees: then the cheaper model will do.
      return { ...HONEST, program: withCheaperWeights, handOut: () => undefined };
  }
}

/** `tokens`: the second token of an answer is another one. */
const editedToken = (token: number, index: number): number => (index === 1 ? token ^ 1 : token);

/** Of some other worker, whose receipts are passed off. */
const OTHER_WORKER = keccak256(new TextEncoder().encode("assay/cheat/replay"));

/** `replay`: the receipt that another worker signed for another order, in place of one for this. */
function replayed({ receipt }: SignedByWorker, domain: SigningDomain): SignedByWorker {
  const others = {
    ...receipt,
    orderHash: keccak256(receipt.orderHash),
    worker: addressOf(OTHER_WORKER),
  };
  return { receipt: others, signature: signTyped(OTHER_WORKER, domain, receiptHash(others)) };
}

/** Step of a 4-bit weight in an int8 range: −112 … 112. */
const FOUR_BIT_STEP = 16;
const FOUR_BIT_MAX = 7;

/**
 * `weights`: the same model with its weight matrices rounded to 4-bit precision.
 * It answers much alike, and is not the program that was ordered.
 */
function withCheaperWeights(program: Program): Program {
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
