import { clamp16, half4, rshift4, scale8, unclamped24 } from "./lanes";

/** spec/01 §1.2. */
// @ts-ignore: decorator
@inline
const BOUND24: i32 = 1 << 22;

/** spec/01 §1.5.6: int32 rows to int16 rows; m is padded like a row. */
export function requant16(
  dst: usize,
  dstStride: usize,
  acc: usize,
  accStride: usize,
  rows: i32,
  n: i32,
  m: usize,
  s: i32,
  t: i32,
  bound: i32,
): void {
  const halfS = half4(s);
  const halfT = half4(t);
  const least16 = i16x8.splat(-32767);
  const least = i16x8.splat(<i16>-bound);
  const most = i16x8.splat(<i16>bound);
  for (let r = 0; r < rows; r++, dst += dstStride, acc += accStride) {
    for (let i: usize = 0; i < <usize>n; i += 8) {
      const from = acc + (i << 2);
      const low = rshift4(v128.load(from), halfS, s);
      const high = rshift4(v128.load(from, 16), halfS, s);
      const u = clamp16(low, high, least16);
      v128.store(dst + (i << 1), scale8(u, v128.load(m + (i << 1)), halfT, t, least, most));
    }
  }
}

/** spec/01 §1.5.7: int32 rows to int32 rows; exponents 0: none, else one int32 per row. */
export function requant24(
  dst: usize,
  dstStride: usize,
  acc: usize,
  accStride: usize,
  rows: i32,
  n: i32,
  m: usize,
  s: i32,
  exponents: usize,
): void {
  const mask = i32x4.splat(0x3fff);
  const most = i32x4.splat(BOUND24);
  const least = i32x4.splat(-BOUND24);
  for (let r = 0; r < rows; r++, dst += dstStride, acc += accStride) {
    const shift = exponents ? s - load<i32>(exponents + (<usize>r << 2)) : s;
    const half = half4(shift);
    for (let i: usize = 0; i < <usize>n; i += 4) {
      const at = i << 2;
      const by = v128.load_ext<u16>(m + (i << 1));
      const y = unclamped24(v128.load(acc + at), by, mask, half, shift);
      v128.store(dst + at, i32x4.max_s(i32x4.min_s(y, most), least));
    }
  }
}

/** spec/01 §1.5.1: one row of weights per token, one multiplier per token. */
export function embed(
  dst: usize,
  dstStride: usize,
  tokens: usize,
  rows: i32,
  n: i32,
  w: usize,
  wStride: usize,
  m: usize,
  s: i32,
): void {
  const half = half4(s);
  for (let r = 0; r < rows; r++, dst += dstStride) {
    const token = load<u32>(tokens + (<usize>r << 2));
    const row = w + <usize>token * wStride;
    const by = i16x8.splat(load<i16>(m + (<usize>token << 1)));
    for (let i: usize = 0; i < <usize>n; i += 8) {
      const e = v128.load_ext<i8>(row + i);
      const to = dst + (i << 2);
      v128.store(to, rshift4(i32x4.extmul_low_i16x8_s(e, by), half, s));
      v128.store(to, rshift4(i32x4.extmul_high_i16x8_s(e, by), half, s), 16);
    }
  }
}
