/** Keccak by its definition (FIPS 202, 3.2), lanes as big integers. */

const RATE = 136;
const MASK = 2n ** 64n - 1n;

const rotl = (lane: bigint, n: number): bigint =>
  ((lane << BigInt(n)) | (lane >> BigInt(64 - n))) & MASK;

/** A[x, y] is `lanes[x + 5y]`; indices are taken modulo 5. */
type Lanes = readonly bigint[];
const at = (lanes: Lanes, x: number, y: number): bigint => lanes[(x % 5) + 5 * (y % 5)] ?? 0n;

function lanesOf(lane: (x: number, y: number) => bigint): Lanes {
  return Array.from({ length: 25 }, (_, i) => lane(i % 5, Math.floor(i / 5)));
}

function theta(a: Lanes): Lanes {
  const c = (x: number): bigint => [0, 1, 2, 3, 4].reduce((sum, y) => sum ^ at(a, x, y), 0n);
  return lanesOf((x, y) => at(a, x, y) ^ c(x + 4) ^ rotl(c(x + 1), 1));
}

function rhoAndPi(a: Lanes): Lanes {
  const turned = [...a];
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t++) {
    const lane = at(a, x, y);
    [x, y] = [y, (2 * x + 3 * y) % 5];
    turned[x + 5 * y] = rotl(lane, (((t + 1) * (t + 2)) / 2) % 64);
  }
  return turned;
}

function chi(a: Lanes): Lanes {
  return lanesOf((x, y) => at(a, x, y) ^ (~at(a, x + 1, y) & MASK & at(a, x + 2, y)));
}

/** The constants of all rounds: bits of a linear feedback shift register. */
const ROUND_CONSTANTS: readonly bigint[] = (() => {
  let register = 1;
  return Array.from({ length: 24 }, () => {
    let constant = 0n;
    for (let j = 0; j <= 6; j++) {
      if ((register & 1) === 1) constant |= 1n << BigInt(2 ** j - 1);
      register = (register << 1) ^ ((register >> 7) * 0x171);
    }
    return constant;
  });
})();

function permute(lanes: Lanes): Lanes {
  return ROUND_CONSTANTS.reduce((a: Lanes, constant) => {
    const [first = 0n, ...rest] = chi(rhoAndPi(theta(a)));
    return [first ^ constant, ...rest];
  }, lanes);
}

/** 32 bytes. `padding` is 0x01 for the EVM's hash and 0x06 for SHA3-256. */
export function keccak256(message: Uint8Array, padding: number = 0x01): Uint8Array {
  const padded = new Uint8Array((Math.floor(message.length / RATE) + 1) * RATE);
  padded.set(message);
  padded[message.length] = padding;
  padded[padded.length - 1] = (padded[padded.length - 1] ?? 0) | 0x80;
  const view = new DataView(padded.buffer);
  let lanes: Lanes = Array<bigint>(25).fill(0n);
  for (let block = 0; block < padded.length; block += RATE) {
    const absorbed = lanes.map((lane, i) =>
      i < RATE / 8 ? lane ^ view.getBigUint64(block + 8 * i, true) : lane,
    );
    lanes = permute(absorbed);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 4; i++) digest.setBigUint64(8 * i, lanes[i] ?? 0n, true);
  return new Uint8Array(digest.buffer);
}
