/** Deterministic pseudo-random choices for conformance tests (xorshift32 of Marsaglia). Not for secrets. */
export class Random {
  #state: number;

  /** Equal seeds choose equally, on every platform. */
  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** 0 … 2^32 − 1. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }

  /** least … most, both included. */
  int(least: number, most: number): number {
    return least + (this.next() % (most - least + 1));
  }

  chance(percent: number): boolean {
    return this.int(1, 100) <= percent;
  }

  pick<const T>(choices: readonly [T, ...T[]]): T {
    return choices[this.int(0, choices.length - 1)] ?? choices[0];
  }
}
