import { bitlen, clampTo, half4, largest, rshift4 } from "./lanes";

/** spec/01 §1.5.2 on int32 rows. */
export function add(
  dst: usize,
  dstStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  n: i32,
): void {
  for (let r = 0; r < rows; r++, dst += dstStride, a += aStride, b += bStride) {
    for (let at: usize = 0; at < <usize>n << 2; at += 16) {
      v128.store(dst + at, i32x4.add(v128.load(a + at), v128.load(b + at)));
    }
  }
}

/** spec/01 §1.5.9 on int32 rows. */
export function mul(
  dst: usize,
  dstStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  n: i32,
): void {
  for (let r = 0; r < rows; r++, dst += dstStride, a += aStride, b += bStride) {
    for (let at: usize = 0; at < <usize>n << 2; at += 16) {
      v128.store(dst + at, i32x4.mul(v128.load(a + at), v128.load(b + at)));
    }
  }
}

/** spec/01 §1.5.9 on int16 rows, to int32 rows. */
export function mul16(
  dst: usize,
  dstStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  rows: i32,
  n: i32,
): void {
  for (let r = 0; r < rows; r++, dst += dstStride, a += aStride, b += bStride) {
    for (let i: usize = 0; i < <usize>n; i += 8) {
      const x = v128.load(a + (i << 1));
      const y = v128.load(b + (i << 1));
      v128.store(dst + (i << 2), i32x4.extmul_low_i16x8_s(x, y));
      v128.store(dst + (i << 2), i32x4.extmul_high_i16x8_s(x, y), 16);
    }
  }
}

/** int16 rows to int32 rows. */
export function widen(dst: usize, dstStride: usize, x: usize, xStride: usize, rows: i32, n: i32): void {
  for (let r = 0; r < rows; r++, dst += dstStride, x += xStride) {
    for (let i: usize = 0; i < <usize>n; i += 4) v128.store(dst + (i << 2), v128.load_ext<i16>(x + (i << 1)));
  }
}

/** int32 rows of values within int16 to int16 rows. */
export function narrow(dst: usize, dstStride: usize, x: usize, xStride: usize, rows: i32, n: i32): void {
  for (let r = 0; r < rows; r++, dst += dstStride, x += xStride) {
    for (let i: usize = 0; i < <usize>n; i += 8) {
      const from = x + (i << 2);
      v128.store(dst + (i << 1), i16x8.narrow_i32x4_s(v128.load(from), v128.load(from, 16)));
    }
  }
}

/** spec/01 §1.5.8 on int16 rows; values is the table, its entry for 0 at index 32768. */
export function table(
  dst: usize,
  dstStride: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  n: i32,
  values: usize,
): void {
  const zero = values + (32768 << 1);
  for (let r = 0; r < rows; r++, dst += dstStride, x += xStride) {
    for (let at: usize = 0; at < <usize>n << 1; at += 2) {
      store<i16>(dst + at, load<i16>(zero + (load<i16>(x + at) << 1)));
    }
  }
}

function magnitude(x: usize, n: i32): i32 {
  let largest4 = i32x4.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    largest4 = i32x4.max_s(largest4, i32x4.abs(v128.load(x + (<usize>i << 2))));
  }
  let a = largest(largest4);
  for (; i < n; i++) a = max(a, abs(load<i32>(x + (<usize>i << 2))));
  return a;
}

/** spec/01 §1.5.3: int32 rows to int16 rows and one int32 exponent per row. */
export function rowscale(
  dst: usize,
  dstStride: usize,
  exponents: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  n: i32,
  bits: i32,
): void {
  const bound = (1 << bits) - 1;
  const most = i16x8.splat(<i16>bound);
  const least = i16x8.splat(<i16>-bound);
  for (let r = 0; r < rows; r++, dst += dstStride, x += xStride) {
    const e = max(0, bitlen(magnitude(x, n)) - bits);
    store<i32>(exponents + (<usize>r << 2), e);
    const half = half4(e);
    for (let i: usize = 0; i < <usize>n; i += 8) {
      const from = x + (i << 2);
      const low = rshift4(v128.load(from), half, e);
      const high = rshift4(v128.load(from, 16), half, e);
      v128.store(dst + (i << 1), clampTo(low, high, least, most));
    }
  }
}
