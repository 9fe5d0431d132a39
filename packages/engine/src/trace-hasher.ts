/** Trace roots (spec/02 §2.7), hashed a page of positions at a time. */

import { PAGE_POSITIONS, type Pointer } from "@assay/kernels";
import type { Arena } from "./arena.ts";
import type { SessionLayout } from "./program-layout.ts";
import type { Slot } from "./session-store.ts";

const HASH_BYTES = 32;
const CHUNK_BYTES = 1024;
const DOMAIN: Uint8Array = new TextEncoder().encode("assay/trace/1");

function powerOfTwo(count: number): number {
  let size = 1;
  while (size < count) size *= 2;
  return size;
}

/** What is to be hashed of a session. */
export interface TracedSession {
  readonly slot: Slot;
  readonly pages: readonly Pointer[];
  readonly length: number;
  /** Positions whose roots lie in their pages; never behind by more than one page. */
  hashed: number;
}

export class TraceHasher {
  readonly #arena: Arena;
  readonly #layout: SessionLayout;
  readonly #leaves: Pointer;
  readonly #scratch: Pointer;
  readonly #zero: Pointer;
  /** The root of a page of zero leaves. */
  readonly #emptyPage: Pointer;

  constructor(arena: Arena, layout: SessionLayout, contextPages: number) {
    this.#arena = arena;
    this.#layout = layout;
    const largestRow = layout.blocks.reduce(
      (most, { stateBytes, kvBytes }) => Math.max(most, stateBytes, kvBytes),
      0,
    );
    const nodes = Math.max(
      4 * powerOfTwo(Math.ceil(largestRow / CHUNK_BYTES)),
      powerOfTwo(layout.blocks.length),
      powerOfTwo(contextPages),
      PAGE_POSITIONS,
    );
    this.#leaves = arena.allocate(PAGE_POSITIONS * layout.blocks.length * HASH_BYTES);
    this.#scratch = arena.allocate(nodes * HASH_BYTES);
    this.#zero = arena.allocate(HASH_BYTES);
    this.#emptyPage = arena.allocate(HASH_BYTES);
    arena.bytes(this.#zero, HASH_BYTES).fill(0);
    arena.kernels.merkle(this.#scratch, 0, PAGE_POSITIONS, this.#zero);
    arena.copy(this.#emptyPage, this.#scratch, HASH_BYTES);
  }

  /** Hashes the positions of the current page that are not hashed; call it before another page begins. */
  flush(session: TracedSession): void {
    const { hashed, length, slot } = session;
    const count = length - hashed;
    if (count === 0) return;
    const pageIndex = Math.floor(hashed / PAGE_POSITIONS);
    const first = hashed % PAGE_POSITIONS;
    const page = session.pages[pageIndex] ?? 0;
    const { kernels } = this.#arena;
    const { blocks, rootsOffset } = this.#layout;
    const leafStride = blocks.length * HASH_BYTES;
    for (const [b, { stateBytes, stateOffset, kvBytes, kvOffset }] of blocks.entries()) {
      kernels.traceLeaves(
        this.#leaves + b * HASH_BYTES,
        leafStride,
        slot.state + stateOffset + first * stateBytes,
        stateBytes,
        page + kvOffset + first * kvBytes,
        kvBytes,
        count,
        this.#scratch,
      );
    }
    const roots = page + rootsOffset;
    const to = roots + first * HASH_BYTES;
    kernels.tracePositions(to, this.#leaves, blocks.length, count, this.#scratch);
    session.hashed = length;
    if (length % PAGE_POSITIONS === 0) {
      this.#pageRoot(roots, PAGE_POSITIONS, PAGE_POSITIONS);
      this.#arena.copy(slot.pageRoots + pageIndex * HASH_BYTES, this.#scratch, HASH_BYTES);
    }
  }

  /** The root over `count` position roots, padded to `size`, at the start of the scratch memory. */
  #pageRoot(roots: Pointer, count: number, size: number): void {
    this.#arena.copy(this.#scratch, roots, count * HASH_BYTES);
    this.#arena.kernels.merkle(this.#scratch, count, size, this.#zero);
  }

  /** The trace root over all positions of a session that has some. */
  root(session: TracedSession): Uint8Array {
    this.flush(session);
    this.#positionsRoot(session);
    const message = this.#scratch + HASH_BYTES;
    const domain = new Uint8Array(DOMAIN.length + 8);
    domain.set(DOMAIN);
    const view = new DataView(domain.buffer);
    view.setUint32(DOMAIN.length, session.length);
    view.setUint32(DOMAIN.length + 4, this.#layout.blocks.length);
    this.#arena.bytes(message, domain.length).set(domain);
    this.#arena.copy(message + domain.length, this.#scratch, HASH_BYTES);
    this.#arena.kernels.keccak256(message, message, domain.length + HASH_BYTES);
    return this.#arena.bytes(message, HASH_BYTES).slice();
  }

  /** merkle(position(0 … n−1)) at the start of the scratch memory. */
  #positionsRoot({ slot, pages, length }: TracedSession): void {
    const whole = Math.floor(length / PAGE_POSITIONS);
    const rest = length % PAGE_POSITIONS;
    const lastRoots = (pages[whole] ?? 0) + this.#layout.rootsOffset;
    if (whole === 0) {
      this.#pageRoot(lastRoots, rest, powerOfTwo(rest));
      return;
    }
    const count = rest === 0 ? whole : whole + 1;
    if (rest > 0) {
      this.#pageRoot(lastRoots, rest, PAGE_POSITIONS);
      this.#arena.copy(slot.pageRoots + whole * HASH_BYTES, this.#scratch, HASH_BYTES);
    }
    this.#arena.copy(this.#scratch, slot.pageRoots, count * HASH_BYTES);
    this.#arena.kernels.merkle(this.#scratch, count, powerOfTwo(count), this.#emptyPage);
  }
}
