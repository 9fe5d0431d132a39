/** Choosing a token (spec/01 §1.5.16) from logits in the kernels' memory. */

import type { Pointer } from "@assay/kernels";
import type { Sampling } from "@assay/wire";
import type { Arena } from "./arena.ts";
import { EngineError } from "./engine-error.ts";

const MAX_INV_TEMPERATURE = 16383;
const TOP_P_ONE = 65536;
const SEED_BYTES = 32;

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

/** How to choose, checked: greedy choice has no use for topP or a seed, and asks neither to be valid. */
export function checkSampling({ invTemperature, topP }: Sampling, seed: Uint8Array): void {
  if (invTemperature === 0) return;
  if (!isWithin(invTemperature, 1, MAX_INV_TEMPERATURE) || !isWithin(topP, 1, TOP_P_ONE)) {
    throw new EngineError({ code: "ENGINE_SAMPLING", invTemperature, topP });
  }
  if (seed.length !== SEED_BYTES) {
    throw new EngineError({ code: "ENGINE_SEED", length: seed.length });
  }
}

export class TokenChooser {
  readonly #arena: Arena;
  readonly #vocab: number;
  readonly #exp: Pointer;
  readonly #seed: Pointer;
  readonly #scratch: Pointer;

  constructor(arena: Arena, vocab: number, exp: Pointer) {
    this.#arena = arena;
    this.#vocab = vocab;
    this.#exp = exp;
    this.#seed = arena.allocate(SEED_BYTES);
    this.#scratch = arena.allocate(2 * vocab);
  }

  /** `sampling` and `seed` have passed {@link checkSampling}. */
  choose(logits: Pointer, sampling: Sampling, seed: Uint8Array, position: number): number {
    const { kernels } = this.#arena;
    const { invTemperature, topP } = sampling;
    if (invTemperature === 0) return kernels.argmax(logits, this.#vocab);
    this.#arena.bytes(this.#seed, SEED_BYTES).set(seed);
    return kernels.sample(
      logits,
      this.#vocab,
      invTemperature,
      topP,
      this.#seed,
      position,
      this.#exp,
      this.#scratch,
    );
  }
}
