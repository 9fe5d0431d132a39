/**
 * Elementary functions made of + − × ÷ only.
 *
 * `Math.exp`, `Math.sin` and their like may differ in the last bit from one JavaScript engine to the next, and a
 * program's root must not. The four operations and `Math.sqrt`, `Math.floor` are exact or correctly rounded everywhere.
 * Relative error of each function here: a few units in the last place.
 */

const LN2_HIGH = 0.693_147_180_369_123_8; // 33 bits of ln 2 (fdlibm e_exp.c)
const LN2_LOW = 1.908_214_929_270_587_7e-10;

const HALF_PI_HIGH = 1.570_796_326_734_125_6; // 33 bits of π/2 (fdlibm e_rem_pio2.c)
const HALF_PI_LOW = 6.077_100_506_506_192e-11;
const HALF_PI_INVERSE = 0.636_619_772_367_581_4;

/** 2^k, exact for −1022 ≤ k ≤ 1023. */
export function powerOfTwo(k: number): number {
  const factor = k < 0 ? 0.5 : 2;
  let result = 1;
  for (let i = Math.abs(k); i > 0; i--) result *= factor;
  return result;
}

/** ⌊log2 x⌋ for x > 0. */
export function floorLog2(x: number): number {
  let exponent = 0;
  for (let rest = x; rest >= 2; rest /= 2) exponent++;
  for (let rest = x; rest < 1; rest *= 2) exponent--;
  return exponent;
}

/** e^x; 0 below −700. */
export function exp(x: number): number {
  if (x < -700) return 0;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = 13; n >= 1; n--) sum = 1 + (r * sum) / n;
  return sum * powerOfTwo(k);
}

/** Natural logarithm of x > 0. */
export function log(x: number): number {
  let k = floorLog2(x);
  let m = x / powerOfTwo(k);
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let n = 23; n >= 1; n -= 2) sum = sum * square + 1 / n;
  return 2 * s * sum + k * LN2_LOW + k * LN2_HIGH;
}

/** Cosine and sine of 0 ≤ angle < 2^19. */
export function cosSin(angle: number): readonly [number, number] {
  const quadrant = Math.floor(angle * HALF_PI_INVERSE + 0.5);
  const r = angle - quadrant * HALF_PI_HIGH - quadrant * HALF_PI_LOW;
  const square = r * r;
  let cos = 1;
  for (let n = 18; n >= 2; n -= 2) cos = 1 - (square * cos) / (n * (n - 1));
  let sin = 1;
  for (let n = 19; n >= 3; n -= 2) sin = 1 - (square * sin) / (n * (n - 1));
  sin *= r;
  if (quadrant % 4 === 0) return [cos, sin];
  if (quadrant % 4 === 1) return [-sin, cos];
  return quadrant % 4 === 2 ? [-cos, -sin] : [sin, -cos];
}
