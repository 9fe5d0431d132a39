import { keccak256 } from "./keccak256";

/** Sums of weights w by w >> 7 (129 bins) and, within one bin, by w & 127: u64 each. */
const COARSE: usize = memory.data(129 * 8, 16);
const FINE: usize = memory.data(128 * 8, 16);
const MESSAGE: usize = memory.data(40, 16);
const DIGEST: usize = memory.data(32, 16);

/** The lowest index among the largest of n ≥ 1 int32 values. */
export function argmax(x: usize, n: i32): i32 {
  let best = 0;
  let most = load<i32>(x);
  for (let i = 1; i < n; i++) {
    const v = load<i32>(x + (<usize>i << 2));
    if (v > most) {
      most = v;
      best = i;
    }
  }
  return best;
}

/** Upper 64 bits of the 128-bit product. */
function highProduct(a: u64, b: u64): u64 {
  const a0 = a & 0xffff_ffff;
  const a1 = a >> 32;
  const b0 = b & 0xffff_ffff;
  const b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  const other = a0 * b1 + (middle & 0xffff_ffff);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

// @ts-ignore: decorator
@inline
function addTo(bin: usize, w: u64): void {
  store<u64>(bin, load<u64>(bin) + w);
}

/** w_i of every logit as u16, and their sums in COARSE; returns Z. */
function weigh(weights: usize, logits: usize, n: i32, invTemperature: u32, exp: usize): u64 {
  const most = load<i32>(logits + (<usize>argmax(logits, n) << 2));
  let z: u64 = 0;
  memory.fill(COARSE, 0, 129 * 8);
  for (let i: usize = 0; i < <usize>n; i++) {
    const d = <u32>min(most - load<i32>(logits + (i << 2)), (1 << 17) - 1);
    const w = load<u16>(exp + (<usize>min((d * invTemperature) >> 10, 65535) << 1));
    store<u16>(weights + (i << 1), w);
    addTo(COARSE + (<usize>(w >> 7) << 3), w);
    z += w;
  }
  return z;
}

/** The first of `bins` sums, from the last down, at which `above` plus the running sum reaches `need`; see `reached`. */
let reached: u64 = 0;
function descend(sums: usize, bins: i32, above: u64, need: u64): i32 {
  let bin = bins - 1;
  for (; bin > 0; bin--) {
    const next = above + load<u64>(sums + (<usize>bin << 3));
    if (next >= need) break;
    above = next;
  }
  reached = above;
  return bin;
}

/** The first kept index at which the running sum exceeds target; ties of tau are kept while `ties` lasts. */
function draw(weights: usize, n: i32, tau: u32, ties: u64, target: u64): i32 {
  let running: u64 = 0;
  for (let i = 0; i < n; i++) {
    const w = <u32>load<u16>(weights + (<usize>i << 1));
    if (w < tau) continue;
    if (w == tau) {
      if (ties == 0) continue;
      ties--;
    }
    running += w;
    if (running > target) return i;
  }
  return -1;
}

/**
 * spec/01 §1.5.16, sampled, over n ≤ 2^18 logits. seed is 32 bytes; exp the table from index 0; scratch has room for
 * n uint16.
 */
export function sample(
  logits: usize,
  n: i32,
  invTemperature: i32,
  topP: i32,
  seed: usize,
  position: i32,
  exp: usize,
  scratch: usize,
): i32 {
  const z = weigh(scratch, logits, n, <u32>invTemperature, exp);
  const need = (<u64>topP * z + 0xffff) >> 16;
  const bin = descend(COARSE, 129, 0, need);
  memory.fill(FINE, 0, 128 * 8);
  for (let i: usize = 0; i < <usize>n; i++) {
    const w = <u64>load<u16>(scratch + (i << 1));
    if (<i32>(w >> 7) == bin) addTo(FINE + (<usize>(w & 127) << 3), w);
  }
  const tau = <u64>((bin << 7) + descend(FINE, 128, reached, need));
  const above = reached;
  const ties = (need - above + tau - 1) / tau;
  memory.copy(MESSAGE, seed, 32);
  store<u64>(MESSAGE + 32, bswap<u64>(<u64>position));
  keccak256(DIGEST, MESSAGE, 40);
  const target = highProduct(bswap<u64>(load<u64>(DIGEST)), above + ties * tau);
  return draw(scratch, n, <u32>tau, ties, target);
}
