import { bitlen, clamp16, half4, largest, rshift4, scale8, sum, sums4, unclamped24 } from "./lanes";

/**
 * Caches lie in pages of 64 positions. Each row of a batch has a position and a page table, an array of page
 * addresses; a cache is an offset into every page and a stride from position to position within it.
 *
 * A ragged row is heads × headStride bytes: positions 0 … p of each head, padded to a multiple of eight elements.
 */

// @ts-ignore: decorator
@inline
const PAGE_SHIFT: usize = 6;
// @ts-ignore: decorator
@inline
const PAGE_POSITIONS: i32 = 64;

// @ts-ignore: decorator
@inline
function page(table: usize, position: i32): usize {
  return load<usize>(table + ((<usize>position >> PAGE_SHIFT) << 2));
}

/** spec/01 §1.5.11: each row into its place in its own cache. */
export function append(
  x: usize,
  xStride: usize,
  positions: usize,
  tables: usize,
  rows: i32,
  rowBytes: i32,
  cacheOffset: usize,
  cacheStride: usize,
): void {
  for (let r = 0; r < rows; r++, x += xStride) {
    const position = load<i32>(positions + (<usize>r << 2));
    const base = page(load<usize>(tables + (<usize>r << 2)), position);
    const slot = <usize>(position & (PAGE_POSITIONS - 1));
    memory.copy(base + cacheOffset + slot * cacheStride, x, <usize>rowBytes);
  }
}

/** Scores of four positions at a time, headDim a multiple of eight. Writes up to the next multiple of four. */
function scores8(dst: usize, q: usize, k: usize, stride: usize, positions: i32, headBytes: usize): void {
  for (let j = 0; j < positions; j += 4, dst += 16, k += stride << 2) {
    const k1 = k + stride;
    const k2 = k1 + stride;
    const k3 = k2 + stride;
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (let at: usize = 0; at < headBytes; at += 16) {
      const x = v128.load(q + at);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x, v128.load(k + at)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x, v128.load(k1 + at)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(x, v128.load(k2 + at)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(x, v128.load(k3 + at)));
    }
    v128.store(dst, sums4(a0, a1, a2, a3));
  }
}

function scores1(dst: usize, q: usize, k: usize, stride: usize, positions: i32, headDim: i32): void {
  for (let j = 0; j < positions; j++, dst += 4, k += stride) {
    let a = 0;
    for (let d: usize = 0; d < <usize>headDim; d++) {
      a += <i32>load<i16>(q + (d << 1)) * <i32>load<i16>(k + (d << 1));
    }
    store<i32>(dst, a);
  }
}

/** As scores1, of int32 queries. */
function scoresWide(dst: usize, q: usize, k: usize, stride: usize, positions: i32, headDim: i32): void {
  for (let j = 0; j < positions; j++, dst += 4, k += stride) {
    let a = 0;
    for (let d: usize = 0; d < <usize>headDim; d++) {
      a += load<i32>(q + (d << 2)) * <i32>load<i16>(k + (d << 1));
    }
    store<i32>(dst, a);
  }
}

/** spec/01 §1.5.12: rows of queries of 2 or 4 bytes an element to ragged int32 scores. */
export function qk(
  dst: usize,
  dstStride: usize,
  headStride: usize,
  q: usize,
  qStride: usize,
  qBytes: i32,
  positions: usize,
  tables: usize,
  rows: i32,
  heads: i32,
  cacheHeads: i32,
  headDim: i32,
  cacheOffset: usize,
  cacheStride: usize,
): void {
  const headBytes = <usize>headDim << 1;
  for (let r = 0; r < rows; r++, dst += dstStride, q += qStride) {
    const count = load<i32>(positions + (<usize>r << 2)) + 1;
    const table = load<usize>(tables + (<usize>r << 2));
    for (let first = 0; first < count; first += PAGE_POSITIONS) {
      const here = min(PAGE_POSITIONS, count - first);
      const cache = page(table, first) + cacheOffset;
      for (let h = 0; h < heads; h++) {
        const to = dst + <usize>h * headStride + (<usize>first << 2);
        const query = q + <usize>(h * headDim * qBytes);
        const keys = cache + <usize>((h * cacheHeads) / heads) * headBytes;
        if (qBytes == 4) scoresWide(to, query, keys, cacheStride, here, headDim);
        else if ((headDim & 7) == 0) scores8(to, query, keys, cacheStride, here, headBytes);
        else scores1(to, query, keys, cacheStride, here, headDim);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function clamp24(x: v128, least: v128, most: v128): v128 {
  return i32x4.max_s(i32x4.min_s(x, most), least);
}

/** Requantised scores of one head into `scaled`, padded with values whose weight is zero; returns the largest. */
function scale(scaled: usize, scores: usize, count: i32, m: i32, s: i32): i32 {
  const m4 = i32x4.splat(m);
  const mask = i32x4.splat(0x3fff);
  const half = half4(s);
  const top = i32x4.splat(1 << 22);
  const bottom = i32x4.splat(-(1 << 22));
  const bytes = <usize>count << 2;
  const whole = bytes & ~15;
  let most4 = i32x4.splat(-(1 << 23));
  for (let at: usize = 0; at < whole; at += 16) {
    const x = clamp24(unclamped24(v128.load(scores + at), m4, mask, half, s), bottom, top);
    most4 = i32x4.max_s(most4, x);
    v128.store(scaled + at, x);
  }
  let most = largest(most4);
  if (whole < bytes) {
    const x = unclamped24(v128.load(scores + whole), m4, mask, half, s);
    v128.store(scaled + whole, clamp24(x, bottom, top));
    for (let at = whole; at < bytes; at += 4) most = max(most, load<i32>(scaled + at));
  }
  for (let at = bytes; (at & 31) != 0; at += 4) store<i32>(scaled + at, -(1 << 23));
  return most;
}

/** e_j = exp[min(most − x_j, 65535)] as int16; returns their sum. */
function exponentials(dst: usize, scaled: usize, count: i32, most: i32, exp: usize): i32 {
  let z = 0;
  const top = i32x4.splat(most);
  const last = i32x4.splat(65535);
  for (let j: usize = 0; j < <usize>count; j += 4) {
    const d = i32x4.shl(i32x4.min_s(i32x4.sub(top, v128.load(scaled + (j << 2))), last), 1);
    const e0 = <i32>load<u16>(exp + <usize>i32x4.extract_lane(d, 0));
    const e1 = <i32>load<u16>(exp + <usize>i32x4.extract_lane(d, 1));
    const e2 = <i32>load<u16>(exp + <usize>i32x4.extract_lane(d, 2));
    const e3 = <i32>load<u16>(exp + <usize>i32x4.extract_lane(d, 3));
    z += e0 + e1 + e2 + e3;
    const to = dst + (j << 1);
    store<u32>(to, e0 | (e1 << 16));
    store<u32>(to, e2 | (e3 << 16), 4);
  }
  return z;
}

/** p_j = floor(e_j·r / 2^shift) in place; returns their sum. */
function normalise(p: usize, count: i32, r: i32, shift: i32): i32 {
  const r8 = i16x8.splat(<i16>r);
  let sums = i32x4.splat(0);
  for (let at: usize = 0; at < <usize>count << 1; at += 16) {
    const e = v128.load(p + at);
    const low = i32x4.shr_u(i32x4.extmul_low_i16x8_s(e, r8), shift);
    const high = i32x4.shr_u(i32x4.extmul_high_i16x8_s(e, r8), shift);
    sums = i32x4.add(sums, i32x4.add(low, high));
    v128.store(p + at, i16x8.narrow_i32x4_s(low, high));
  }
  return sum(sums);
}

/**
 * spec/01 §1.5.13: ragged int32 scores to ragged int16 p, zero in the padding, and int32 masses [rows][heads].
 * exp and recip are the tables from their first index, 0 and 2^13; scratch holds one head's scores.
 */
export function softmax(
  dst: usize,
  dstStride: usize,
  dstHeadStride: usize,
  masses: usize,
  massStride: usize,
  scores: usize,
  scoreStride: usize,
  scoreHeadStride: usize,
  positions: usize,
  rows: i32,
  heads: i32,
  m: usize,
  s: i32,
  exp: usize,
  recip: usize,
  scratch: usize,
): void {
  for (let row = 0; row < rows; row++, dst += dstStride, masses += massStride, scores += scoreStride) {
    const count = load<i32>(positions + (<usize>row << 2)) + 1;
    const padded = (count + 7) & ~7;
    for (let head: usize = 0; head < <usize>heads; head++) {
      const p = dst + head * dstHeadStride;
      const multiplier = <i32>load<u16>(m + (head << 1));
      const most = scale(scratch, scores + head * scoreHeadStride, count, multiplier, s);
      const Z = exponentials(p, scratch, padded, most, exp);
      const z = bitlen(Z) - 14;
      const r = <i32>load<u16>(recip + ((<usize>(Z >> z) - 8192) << 1));
      store<i32>(masses + (head << 2), normalise(p, padded, r, 12 + z));
    }
  }
}

/** Eight dimensions at `v`, two positions at a time; an odd last position is paired with a p of zero. */
function mix8(dst: usize, p: usize, v: usize, stride: usize, positions: i32): void {
  let a0 = v128.load(dst);
  let a1 = v128.load(dst, 16);
  for (let j = 0; j < positions; j += 2, p += 4, v += stride << 1) {
    const weights = v128.load32_splat(p);
    const v0 = v128.load(v);
    const v1 = v128.load(v + stride);
    const low = v128.shuffle<i16>(v0, v1, 0, 8, 1, 9, 2, 10, 3, 11);
    const high = v128.shuffle<i16>(v0, v1, 4, 12, 5, 13, 6, 14, 7, 15);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(weights, low));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(weights, high));
  }
  v128.store(dst, a0);
  v128.store(dst, a1, 16);
}

function mix16(dst: usize, p: usize, v: usize, stride: usize, positions: i32): void {
  let a0 = v128.load(dst);
  let a1 = v128.load(dst, 16);
  let a2 = v128.load(dst, 32);
  let a3 = v128.load(dst, 48);
  for (let j = 0; j < positions; j += 2, p += 4, v += stride << 1) {
    const weights = v128.load32_splat(p);
    const v0 = v128.load(v);
    const v1 = v128.load(v + stride);
    const low = v128.shuffle<i16>(v0, v1, 0, 8, 1, 9, 2, 10, 3, 11);
    const high = v128.shuffle<i16>(v0, v1, 4, 12, 5, 13, 6, 14, 7, 15);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(weights, low));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(weights, high));
    const v2 = v128.load(v, 16);
    const v3 = v128.load(v + stride, 16);
    const low2 = v128.shuffle<i16>(v2, v3, 0, 8, 1, 9, 2, 10, 3, 11);
    const high2 = v128.shuffle<i16>(v2, v3, 4, 12, 5, 13, 6, 14, 7, 15);
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(weights, low2));
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(weights, high2));
  }
  v128.store(dst, a0);
  v128.store(dst, a1, 16);
  v128.store(dst, a2, 32);
  v128.store(dst, a3, 48);
}

function mix(dst: usize, p: usize, v: usize, stride: usize, positions: i32, headDim: i32): void {
  let d: usize = 0;
  const dimensions = <usize>headDim;
  for (; d + 16 <= dimensions; d += 16) mix16(dst + (d << 2), p, v + (d << 1), stride, positions);
  for (; d + 8 <= dimensions; d += 8) mix8(dst + (d << 2), p, v + (d << 1), stride, positions);
  for (; d < dimensions; d++) {
    let a = load<i32>(dst + (d << 2));
    for (let j: usize = 0; j < <usize>positions; j++) {
      a += <i32>load<i16>(p + (j << 1)) * <i32>load<i16>(v + j * stride + (d << 1));
    }
    store<i32>(dst + (d << 2), a);
  }
}

/** spec/01 §1.5.14: ragged int16 p to int32 rows. */
export function pv(
  dst: usize,
  dstStride: usize,
  p: usize,
  pStride: usize,
  headStride: usize,
  positions: usize,
  tables: usize,
  rows: i32,
  heads: i32,
  cacheHeads: i32,
  headDim: i32,
  cacheOffset: usize,
  cacheStride: usize,
): void {
  const headBytes = <usize>headDim << 1;
  for (let r = 0; r < rows; r++, dst += dstStride, p += pStride) {
    const count = load<i32>(positions + (<usize>r << 2)) + 1;
    const table = load<usize>(tables + (<usize>r << 2));
    memory.fill(dst, 0, <usize>(heads * headDim) << 2);
    for (let first = 0; first < count; first += PAGE_POSITIONS) {
      const here = min(PAGE_POSITIONS, count - first);
      const cache = page(table, first) + cacheOffset;
      for (let h = 0; h < heads; h++) {
        const weights = p + <usize>h * headStride + (<usize>first << 1);
        const values = cache + <usize>((h * cacheHeads) / heads) * headBytes;
        mix(dst + ((<usize>h * headBytes) << 1), weights, values, cacheStride, here, headDim);
      }
    }
  }
}

/**
 * spec/01 §1.5.15: int32 rows to int16 rows; recip is the table from its first index, 2^13. Heads are written in
 * order, eight elements at a time: what one writes beyond its end, the next or the padding takes.
 */
export function pnorm(
  dst: usize,
  dstStride: usize,
  o: usize,
  oStride: usize,
  masses: usize,
  massStride: usize,
  rows: i32,
  heads: i32,
  headDim: i32,
  s: i32,
  t: i32,
  bound: i32,
  recip: usize,
): void {
  const halfS = half4(s);
  const least16 = i16x8.splat(-32767);
  const most = i16x8.splat(<i16>bound);
  const least = i16x8.splat(<i16>-bound);
  for (let row = 0; row < rows; row++, dst += dstStride, o += oStride, masses += massStride) {
    for (let head = 0; head < heads; head++) {
      const P = load<i32>(masses + (<usize>head << 2));
      const j = 16 - bitlen(P);
      const w = <usize>((P << j) >> 2);
      const r8 = i16x8.splat(load<i16>(recip + ((w - 8192) << 1)));
      const shift = t - j;
      const halfT = half4(shift);
      const from = <usize>(head * headDim);
      for (let i = from; i < from + <usize>headDim; i += 8) {
        const low = rshift4(v128.load(o + (i << 2)), halfS, s);
        const high = rshift4(v128.load(o + (i << 2), 16), halfS, s);
        const u = clamp16(low, high, least16);
        v128.store(dst + (i << 1), scale8(u, r8, halfT, shift, least, most));
      }
    }
  }
}
