/**
 * Arithmetic on lanes, as spec/01 §1.1 and §1.2 define it.
 *
 * Rows are padded: a kernel that works element by element reads and writes up to the next multiple of eight
 * elements, and what lies there afterwards means nothing. Kernels that reduce a row read it exactly.
 *
 * Constant vectors are arguments, made before the loop: the compiler does not move them out of it.
 */

/** What rshift adds before it shifts by s: 2^(s−1), or 0. */
// @ts-ignore: decorator
@inline
export function half4(s: i32): v128 {
  return i32x4.splat((1 << s) >> 1);
}

/** rshift(x, s), half = half4(s). */
// @ts-ignore: decorator
@inline
export function rshift4(x: v128, half: v128, s: i32): v128 {
  return i32x4.shr_s(i32x4.add(x, half), s);
}

/** Eight int32 lanes, clamped to ±32767, as int16: narrowing saturates, and only −32768 is left to correct. */
// @ts-ignore: decorator
@inline
export function clamp16(low: v128, high: v128, least: v128): v128 {
  return i16x8.max_s(i16x8.narrow_i32x4_s(low, high), least);
}

/** clamp16, then clamped to ±bound. */
// @ts-ignore: decorator
@inline
export function clampTo(low: v128, high: v128, least: v128, most: v128): v128 {
  return i16x8.min_s(i16x8.max_s(i16x8.narrow_i32x4_s(low, high), least), most);
}

/** clamp(rshift(u·m, t), bound) of eight int16 lanes. */
// @ts-ignore: decorator
@inline
export function scale8(u: v128, m: v128, half: v128, t: i32, least: v128, most: v128): v128 {
  const low = rshift4(i32x4.extmul_low_i16x8_s(u, m), half, t);
  const high = rshift4(i32x4.extmul_high_i16x8_s(u, m), half, t);
  return clampTo(low, high, least, most);
}

/**
 * requant24 before its clamp, |acc| < 2^29, m < 2^14. The limbs fit int16, and the upper half of each lane of m is
 * zero, so that a dot product of the halves is the product: half the latency of i32x4.mul.
 */
// @ts-ignore: decorator
@inline
export function unclamped24(acc: v128, m: v128, mask: v128, half: v128, s: i32): v128 {
  const hi = i32x4.dot_i16x8_s(i32x4.shr_s(acc, 14), m);
  const lo = i32x4.dot_i16x8_s(v128.and(acc, mask), m);
  return rshift4(i32x4.add(hi, i32x4.shr_u(lo, 14)), half, s);
}

// @ts-ignore: decorator
@inline
export function bitlen(a: i32): i32 {
  return 32 - clz<i32>(a);
}

/** [Σa, Σb, Σc, Σd] over lanes. */
// @ts-ignore: decorator
@inline
export function sums4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
}

// @ts-ignore: decorator
@inline
export function sum(a: v128): i32 {
  const pairs = i32x4.add(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

// @ts-ignore: decorator
@inline
export function largest(a: v128): i32 {
  const pairs = i32x4.max_s(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  return max(i32x4.extract_lane(pairs, 0), i32x4.extract_lane(pairs, 1));
}
