import { sum, sums4 } from "./lanes";

// @ts-ignore: decorator
@inline
function dot(weights: v128, x: usize): v128 {
  return i32x4.dot_i16x8_s(weights, v128.load(x));
}

/** Two rows of weights against four rows: eight accumulators, two weights, four activations fit sixteen registers. */
function tile2x4(
  dst: usize,
  dstStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  k: usize,
  bias: v128,
): void {
  const x1 = x + xStride;
  const x2 = x1 + xStride;
  const x3 = x2 + xStride;
  const w1 = w + wStride;
  let a00 = i32x4.splat(0);
  let a01 = a00;
  let a10 = a00;
  let a11 = a00;
  let a20 = a00;
  let a21 = a00;
  let a30 = a00;
  let a31 = a00;
  for (let i: usize = 0; i < k; i += 8) {
    const v0 = v128.load_ext<i8>(w + i);
    const v1 = v128.load_ext<i8>(w1 + i);
    const at = i << 1;
    let row = v128.load(x + at);
    a00 = i32x4.add(a00, i32x4.dot_i16x8_s(v0, row));
    a01 = i32x4.add(a01, i32x4.dot_i16x8_s(v1, row));
    row = v128.load(x1 + at);
    a10 = i32x4.add(a10, i32x4.dot_i16x8_s(v0, row));
    a11 = i32x4.add(a11, i32x4.dot_i16x8_s(v1, row));
    row = v128.load(x2 + at);
    a20 = i32x4.add(a20, i32x4.dot_i16x8_s(v0, row));
    a21 = i32x4.add(a21, i32x4.dot_i16x8_s(v1, row));
    row = v128.load(x3 + at);
    a30 = i32x4.add(a30, i32x4.dot_i16x8_s(v0, row));
    a31 = i32x4.add(a31, i32x4.dot_i16x8_s(v1, row));
  }
  const rows01 = i32x4.add(sums4(a00, a01, a10, a11), bias);
  const rows23 = i32x4.add(sums4(a20, a21, a30, a31), bias);
  v128.store64_lane(dst, rows01, 0);
  v128.store64_lane(dst + dstStride, rows01, 1);
  v128.store64_lane(dst + 2 * dstStride, rows23, 0);
  v128.store64_lane(dst + 3 * dstStride, rows23, 1);
}

/** Four rows of weights against one row. */
function tile4x1(dst: usize, x: usize, w: usize, wStride: usize, k: usize, bias: v128): void {
  const w1 = w + wStride;
  const w2 = w1 + wStride;
  const w3 = w2 + wStride;
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  for (let i: usize = 0; i < k; i += 8) {
    const row = v128.load(x + (i << 1));
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load_ext<i8>(w + i), row));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load_ext<i8>(w1 + i), row));
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load_ext<i8>(w2 + i), row));
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load_ext<i8>(w3 + i), row));
  }
  v128.store(dst, i32x4.add(sums4(a0, a1, a2, a3), bias));
}

function tile1x1(x: usize, w: usize, k: usize): i32 {
  let a = i32x4.splat(0);
  for (let i: usize = 0; i < k; i += 8) {
    a = i32x4.add(a, dot(v128.load_ext<i8>(w + i), x + (i << 1)));
  }
  return sum(a);
}

function fourRows(
  dst: usize,
  dstStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  n: i32,
  k: usize,
  bias: usize,
): void {
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    const b = bias ? v128.load64_splat(bias + (<usize>i << 2)) : i32x4.splat(0);
    const column = dst + (<usize>i << 2);
    tile2x4(column, dstStride, x, xStride, w + <usize>i * wStride, wStride, k, b);
  }
  if (i < n) {
    const b = bias ? load<i32>(bias + (<usize>i << 2)) : 0;
    for (let r: usize = 0; r < 4; r++) {
      const sumOfRow = tile1x1(x + r * xStride, w + <usize>i * wStride, k);
      store<i32>(dst + r * dstStride + (<usize>i << 2), sumOfRow + b);
    }
  }
}

function oneRow(dst: usize, x: usize, w: usize, wStride: usize, n: i32, k: usize, bias: usize): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const b = bias ? v128.load(bias + (<usize>i << 2)) : i32x4.splat(0);
    tile4x1(dst + (<usize>i << 2), x, w + <usize>i * wStride, wStride, k, b);
  }
  for (; i < n; i++) {
    const b = bias ? load<i32>(bias + (<usize>i << 2)) : 0;
    store<i32>(dst + (<usize>i << 2), tile1x1(x, w + <usize>i * wStride, k) + b);
  }
}

/**
 * spec/01 §1.5.5. Weights are int8 with zeros from k to the stride; x is read up to the next multiple of eight
 * elements, and what it holds there is multiplied by those zeros. bias 0: none.
 */
export function matmul(
  dst: usize,
  dstStride: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  w: usize,
  wStride: usize,
  n: i32,
  k: i32,
  bias: usize,
): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    const row = <usize>r;
    fourRows(dst + row * dstStride, dstStride, x + row * xStride, xStride, w, wStride, n, <usize>k, bias);
  }
  for (; r < rows; r++) {
    const row = <usize>r;
    oneRow(dst + row * dstStride, x + row * xStride, w, wStride, n, <usize>k, bias);
  }
}
