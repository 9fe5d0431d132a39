import { PAGE_POSITIONS, type Pointer } from "@assay/kernels";
import type { Arena } from "./arena.ts";
import type { SessionLayout } from "./program-layout.ts";

/** Memory of one session, besides its pages. Tables have one entry a page of the context. */
export interface Slot {
  readonly logits: Pointer;
  /** State rows of the page's positions that are not hashed yet. */
  readonly state: Pointer;
  readonly cachePages: Pointer;
  /** A page table whose every entry is `state`. */
  readonly statePages: Pointer;
  /** Roots of whole pages of positions, 32 bytes each. */
  readonly pageRoots: Pointer;
}

/** Hands out slots and pages, all of equal size, and takes them back for the next session. */
export class SessionStore {
  readonly #arena: Arena;
  readonly #layout: SessionLayout;
  readonly #vocab: number;
  /** Pages that a whole context takes. */
  readonly contextPages: number;
  readonly #freeSlots: Slot[] = [];
  readonly #freePages: Pointer[] = [];

  constructor(arena: Arena, layout: SessionLayout, context: number, vocab: number) {
    this.#arena = arena;
    this.#layout = layout;
    this.#vocab = vocab;
    this.contextPages = Math.ceil(context / PAGE_POSITIONS);
  }

  /** @throws {EngineError} ENGINE_MEMORY */
  takeSlot(): Slot {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    const pages = this.contextPages;
    const sizes = [4 * this.#vocab, this.#layout.stateBytes, 4 * pages, 4 * pages, 32 * pages];
    const aligned = sizes.map((size) => Math.ceil(size / 64) * 64);
    let next = this.#arena.allocate(aligned.reduce((sum, size) => sum + size, 0));
    const [logits = 0, state = 0, cachePages = 0, statePages = 0, pageRoots = 0] = aligned.map(
      (size) => {
        const at = next;
        next += size;
        return at;
      },
    );
    this.#arena.words(statePages, pages).fill(state);
    return { logits, state, cachePages, statePages, pageRoots };
  }

  /** Adds pages to `pages` until there are `count`. @throws {EngineError} ENGINE_MEMORY, and none was added */
  takePages(pages: Pointer[], count: number): void {
    while (this.#freePages.length < count - pages.length) {
      this.#freePages.push(this.#arena.allocate(this.#layout.pageBytes));
    }
    while (pages.length < count) {
      const page = this.#freePages.pop();
      if (page !== undefined) pages.push(page);
    }
  }

  giveBack(slot: Slot, pages: readonly Pointer[]): void {
    this.#freeSlots.push(slot);
    this.#freePages.push(...pages);
  }
}
