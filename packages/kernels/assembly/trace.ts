import { keccak256, merkle } from "./keccak256";
import { sha256x4 } from "./sha256";

// @ts-ignore: decorator
@inline
const CHUNK: i32 = 1024;

const ZERO: usize = memory.data(32, 16);
/** Four pairs of data roots, state then kv. */
const PAIRS: usize = memory.data(256, 16);

function powerOfTwo(count: i32): i32 {
  let size = 1;
  while (size < count) size <<= 1;
  return size;
}

/** dataRoot (spec/02 §2.1) of four byte strings of equal length; the root of lane i goes to dst + 64·i. */
function dataRoots(dst: usize, p0: usize, p1: usize, p2: usize, p3: usize, bytes: i32, scratch: usize): void {
  if (bytes <= CHUNK) return sha256x4(dst, 64, p0, p1, p2, p3, bytes);
  const chunks = (bytes + CHUNK - 1) / CHUNK;
  const size = powerOfTwo(chunks);
  const lane = <usize>size << 5;
  for (let i = 0; i < chunks; i++) {
    const at = <usize>(i * CHUNK);
    const length = min(CHUNK, bytes - i * CHUNK);
    sha256x4(scratch + (<usize>i << 5), lane, p0 + at, p1 + at, p2 + at, p3 + at, length);
  }
  for (let i: usize = 0; i < 4; i++) {
    const leaves = scratch + i * lane;
    merkle(leaves, chunks, size, ZERO);
    memory.copy(dst + (i << 6), leaves, 32);
  }
}

/**
 * spec/02 §2.7: leaf(p, b) of one block for `count` positions; state and kv are the first position's bytes, their
 * strides the byte counts. kvBytes 0: the block appends nothing. scratch has room for four padded trees of chunks.
 */
export function traceLeaves(
  dst: usize,
  dstStride: usize,
  state: usize,
  stateBytes: i32,
  kv: usize,
  kvBytes: i32,
  count: i32,
  scratch: usize,
): void {
  const last = count - 1;
  for (let i = 0; i < count; i += 4) {
    const i1 = <usize>min(i + 1, last);
    const i2 = <usize>min(i + 2, last);
    const i3 = <usize>min(i + 3, last);
    const s = <usize>stateBytes;
    const at = state + <usize>i * s;
    dataRoots(PAIRS, at, state + i1 * s, state + i2 * s, state + i3 * s, stateBytes, scratch);
    if (kvBytes == 0) {
      for (let lane: usize = 0; lane < 4; lane++) memory.fill(PAIRS + (lane << 6) + 32, 0, 32);
    } else {
      const k = <usize>kvBytes;
      dataRoots(PAIRS + 32, kv + <usize>i * k, kv + i1 * k, kv + i2 * k, kv + i3 * k, kvBytes, scratch);
    }
    for (let lane = 0; lane < 4 && i + lane < count; lane++) {
      keccak256(dst + <usize>(i + lane) * dstStride, PAIRS + (<usize>lane << 6), 64);
    }
  }
}

/** spec/02 §2.7: position(p) for `count` positions, from `blocks` leaves each. scratch holds one padded tree. */
export function tracePositions(dst: usize, leaves: usize, blocks: i32, count: i32, scratch: usize): void {
  const bytes = <usize>blocks << 5;
  const size = powerOfTwo(blocks);
  for (let i = 0; i < count; i++, dst += 32, leaves += bytes) {
    memory.copy(scratch, leaves, bytes);
    merkle(scratch, blocks, size, ZERO);
    memory.copy(dst, scratch, 32);
  }
}
