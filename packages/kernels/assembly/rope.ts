import { clampTo, half4, rshift4 } from "./lanes";

// @ts-ignore: decorator
@inline
function rshift(x: i32, s: i32): i32 {
  return (x + ((1 << s) >> 1)) >> s;
}

// @ts-ignore: decorator
@inline
function clamp(x: i32, bound: i32): i32 {
  return max(min(x, bound), -bound);
}

/** One head: the pairs (x_i, x_{i+half}) turned by the angles (cos, sin) of this position. */
function head(dst: usize, x: usize, half: usize, angles: usize, s: i32, bound: i32): void {
  const most = i16x8.splat(<i16>bound);
  const least = i16x8.splat(<i16>-bound);
  const halfS = half4(s);
  const upper = half << 1;
  // (c, n) ^ (0, −1) − (0, −1) = (c, −n)
  const sign = i32x4.splat(0xffff_0000);
  let i: usize = 0;
  for (; i + 4 <= half; i += 4) {
    const at = i << 1;
    const low = v128.load64_zero(x + at);
    const high = v128.load64_zero(x + upper + at);
    const pairs = v128.shuffle<i16>(low, high, 0, 8, 1, 9, 2, 10, 3, 11);
    const angle = v128.load(angles + (i << 2));
    const first = i32x4.dot_i16x8_s(pairs, i16x8.sub(v128.xor(angle, sign), sign));
    const swapped = v128.shuffle<i16>(angle, angle, 1, 0, 3, 2, 5, 4, 7, 6);
    const second = i32x4.dot_i16x8_s(pairs, swapped);
    const y = clampTo(rshift4(first, halfS, s), rshift4(second, halfS, s), least, most);
    v128.store64_lane(dst + at, y, 0);
    v128.store64_lane(dst + upper + at, y, 1);
  }
  for (; i < half; i++) {
    const at = i << 1;
    const a = <i32>load<i16>(x + at);
    const b = <i32>load<i16>(x + upper + at);
    const c = <i32>load<i16>(angles + (i << 2));
    const n = <i32>load<i16>(angles + (i << 2), 2);
    store<i16>(dst + at, clamp(rshift(a * c - b * n, s), bound));
    store<i16>(dst + upper + at, clamp(rshift(b * c + a * n, s), bound));
  }
}

/** spec/01 §1.5.10: int16 rows to int16 rows; one int32 position per row. */
export function rope(
  dst: usize,
  dstStride: usize,
  x: usize,
  xStride: usize,
  positions: usize,
  rows: i32,
  heads: i32,
  headDim: i32,
  table: usize,
  s: i32,
  bound: i32,
): void {
  const half = <usize>(headDim >> 1);
  const headBytes = <usize>headDim << 1;
  for (let r = 0; r < rows; r++, dst += dstStride, x += xStride) {
    const angles = table + ((<usize>load<u32>(positions + (<usize>r << 2)) * half) << 2);
    for (let h = 0; h < heads; h++) {
      const at = <usize>h * headBytes;
      head(dst + at, x + at, half, angles, s, bound);
    }
  }
}
