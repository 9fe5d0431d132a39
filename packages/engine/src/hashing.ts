/**
 * The hashes and roots of spec/02 §2.1 by the kernels: a program is hashed at every load, and
 * JavaScript's SHA-256 and keccak take about 0.1 s for the first megabyte of a process.
 */

import type { Pointer } from "@assay/kernels";
import type { RootHashing } from "@assay/model";
import {
  HASH_BYTES,
  keccak256 as plainKeccak256,
  merkleRoot as plainMerkleRoot,
} from "@assay/wire";
import { Arena } from "./arena.ts";

const CHUNK_BYTES = 1024;
/** Chunks hashed in one pass; what does not fit is hashed in several, so that memory stays small. */
const PASS_CHUNKS = 4096;
const PASS_BYTES = PASS_CHUNKS * CHUNK_BYTES;
/** WASM memory for one pass, its leaves and slack. */
const MEMORY_BYTES = 8 * 1024 * 1024;
const LANES = 4;

export interface Hashing extends RootHashing {
  /** @throws {RangeError} for more than 4 MiB */
  sha256(bytes: Uint8Array): Uint8Array;
}

/** Own memory, made once for a process: call {@link hashing}. */
class KernelHashing implements Hashing {
  readonly #arena = new Arena(MEMORY_BYTES);
  readonly #input = this.#arena.allocate(PASS_BYTES);
  readonly #leaves = this.#arena.allocate((PASS_CHUNKS + LANES) * HASH_BYTES);
  readonly #zero = this.#arena.allocate(HASH_BYTES);

  sha256(bytes: Uint8Array): Uint8Array {
    const at = this.#take(bytes);
    this.#arena.kernels.sha256x4(this.#leaves, HASH_BYTES, at, at, at, at, bytes.length);
    return this.#arena.bytes(this.#leaves, HASH_BYTES).slice();
  }

  keccak256(bytes: Uint8Array): Uint8Array {
    if (bytes.length > PASS_BYTES) return plainKeccak256(bytes);
    this.#arena.kernels.keccak256(this.#leaves, this.#take(bytes), bytes.length);
    return this.#arena.bytes(this.#leaves, HASH_BYTES).slice();
  }

  #take(bytes: Uint8Array): Pointer {
    if (bytes.length > PASS_BYTES) throw new RangeError("too long for one pass");
    this.#arena.bytes(this.#input, bytes.length).set(bytes);
    return this.#input;
  }

  merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
    const fits = leaves.length > 0 && leaves.length <= PASS_CHUNKS;
    if (!fits || leaves.some((leaf) => leaf.length !== HASH_BYTES)) return plainMerkleRoot(leaves);
    const room = this.#arena.bytes(this.#leaves, leaves.length * HASH_BYTES);
    leaves.forEach((leaf, i) => {
      room.set(leaf, i * HASH_BYTES);
    });
    return this.#merkle(leaves.length, 2 ** depthOf(leaves.length), ZERO);
  }

  dataRoot(bytes: Uint8Array): Uint8Array {
    const count = Math.max(1, Math.ceil(bytes.length / CHUNK_BYTES));
    if (count <= PASS_CHUNKS) return this.#rootOfPass(bytes, count, 2 ** depthOf(count));
    // Whole passes are complete subtrees: their roots are the leaves of the tree above them.
    const roots: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += PASS_BYTES) {
      const part = bytes.subarray(at, at + PASS_BYTES);
      roots.push(this.#rootOfPass(part, Math.ceil(part.length / CHUNK_BYTES), PASS_CHUNKS));
    }
    return this.#above(roots);
  }

  #rootOfPass(bytes: Uint8Array, count: number, size: number): Uint8Array {
    this.#arena.bytes(this.#input, bytes.length).set(bytes);
    for (let i = 0; i < count; i += LANES) this.#hashLanes(i, count, bytes.length);
    return this.#merkle(count, size, ZERO);
  }

  /** Leaves i … i + 3; the last chunk of the data may be shorter and is hashed by itself. */
  #hashLanes(i: number, count: number, length: number): void {
    const { kernels } = this.#arena;
    const chunk = (j: number): number => this.#input + Math.min(j, count - 1) * CHUNK_BYTES;
    const lastLength = length - (count - 1) * CHUNK_BYTES;
    const to = this.#leaves + i * HASH_BYTES;
    const full = i + LANES < count || lastLength === CHUNK_BYTES ? LANES : count - 1 - i;
    if (full > 0) {
      kernels.sha256x4(
        to,
        HASH_BYTES,
        chunk(i),
        chunk(i + 1),
        chunk(i + 2),
        chunk(i + 3),
        CHUNK_BYTES,
      );
    }
    if (full === LANES) return;
    const at = chunk(count - 1);
    kernels.sha256x4(to + full * HASH_BYTES, HASH_BYTES, at, at, at, at, lastLength);
  }

  #above(roots: readonly Uint8Array[]): Uint8Array {
    let padding = ZERO;
    for (let size = 1; size < PASS_CHUNKS; size *= 2) padding = this.#pair(padding, padding);
    let level = roots;
    while (level.length > 1) {
      const up: Uint8Array[] = [];
      for (let i = 0; i < level.length; i += 2) {
        up.push(this.#pair(level[i] ?? padding, level[i + 1] ?? padding));
      }
      padding = this.#pair(padding, padding);
      level = up;
    }
    return level[0] ?? padding;
  }

  #pair(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#arena.bytes(this.#leaves, HASH_BYTES).set(left);
    this.#arena.bytes(this.#leaves + HASH_BYTES, HASH_BYTES).set(right);
    return this.#merkle(2, 2, ZERO);
  }

  #merkle(count: number, size: number, padding: Uint8Array): Uint8Array {
    this.#arena.bytes(this.#zero, HASH_BYTES).set(padding);
    this.#arena.kernels.merkle(this.#leaves, count, size, this.#zero);
    return this.#arena.bytes(this.#leaves, HASH_BYTES).slice();
  }
}

const ZERO: Uint8Array = new Uint8Array(HASH_BYTES);

function depthOf(count: number): number {
  let depth = 0;
  while (2 ** depth < count) depth++;
  return depth;
}

let shared: Hashing | undefined;

/** The process's hashing; its memory is 8 MiB, made at the first call. */
export function hashing(): Hashing {
  shared ??= new KernelHashing();
  return shared;
}
