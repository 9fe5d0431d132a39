import { half4, scale8, sum } from "./lanes";

/** 2^16·A + 2^9·C + D of spec/01 §1.5.4: the sum of squares. */
function squares(x: usize, n: i32): i64 {
  let a4 = i32x4.splat(0);
  let c4 = a4;
  let d4 = a4;
  const mask = i16x8.splat(255);
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const v = v128.load(x + (<usize>i << 1));
    const h = i16x8.shr_s(v, 8);
    const l = v128.and(v, mask);
    a4 = i32x4.add(a4, i32x4.dot_i16x8_s(h, h));
    c4 = i32x4.add(c4, i32x4.dot_i16x8_s(h, l));
    d4 = i32x4.add(d4, i32x4.dot_i16x8_s(l, l));
  }
  let total = (<i64>sum(a4) << 16) + (<i64>sum(c4) << 9) + <i64>sum(d4);
  for (; i < n; i++) {
    const v = <i64>load<i16>(x + (<usize>i << 1));
    total += v * v;
  }
  return total;
}

/** spec/01 §1.5.4: int16 rows to int16 rows; rsqrt is the table from its first index, 2^12. */
export function rmsnorm(
  dst: usize,
  dstStride: usize,
  x: usize,
  xStride: usize,
  exponents: usize,
  rows: i32,
  n: i32,
  m: usize,
  epsilon: i32,
  s: i32,
  t: i32,
  bound: i32,
  rsqrt: usize,
): void {
  const halfT = half4(t);
  const most16 = i16x8.splat(32767);
  const least16 = i16x8.splat(-32767);
  const most = i16x8.splat(<i16>bound);
  const least = i16x8.splat(<i16>-bound);
  for (let r = 0; r < rows; r++, dst += dstStride, x += xStride) {
    const e = load<i32>(exponents + (<usize>r << 2));
    const S = max(squares(x, n) + (<i64>epsilon >> (2 * e)), 1 << 12);
    const k = max(0, (<i32>(64 - clz<i64>(S)) - 13) >> 1);
    const mantissa = <usize>(S >> (2 * k));
    const R = i16x8.splat(load<i16>(rsqrt + ((mantissa - 4096) << 1)));
    const shift = k + s;
    const half = half4(shift);
    for (let i: usize = 0; i < <usize>n; i += 8) {
      const u = scale8(v128.load(x + (i << 1)), R, half, shift, least16, most16);
      v128.store(dst + (i << 1), scale8(u, v128.load(m + (i << 1)), halfT, t, least, most));
    }
  }
}
