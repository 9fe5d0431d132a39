/**
 * The four global tables (spec/01 §1.3), computed rather than shipped: 300 KB of code that is 60 lines.
 *
 * Only + − × ÷ √ of doubles, which IEEE 754 fixes to the bit, so that every JavaScript engine gets the same
 * entries; `Math.exp` is not so fixed. The entries nearest to a tie are 2^-17 away from it and the
 * running products err by less than 2^-24. A hash per table says that all of this is so.
 */

import { bytesToHex, type DataHasher, sha256 } from "@assay/wire";
import { inMachineOrder } from "./byte-order.ts";

export interface Tables {
  /** round(2^14 · e^(−d/1024)) at index d. */
  readonly exp: Int16Array;
  /** round(1024 · silu(v/1024)) at index v + 32768. */
  readonly silu: Int16Array;
  /** floor(2^27 / (m + 1)) at index m − 2^13. */
  readonly recip: Int16Array;
  /** round(2^19 / √(m + ½)) at index m − 2^12. */
  readonly rsqrt: Int16Array;
}

/** SHA-256 of each table as little-endian int16, from the exact generator: vectors/tables.json. */
export const TABLE_HASHES: Readonly<Record<keyof Tables, string>> = {
  exp: "b17edb1023e4f083d849148c95b0da42b33b960a6a8d7164a9b70534ba0b20b2",
  silu: "e34c89266abe9c073b790122f24b76ab226054e57f7b24f032e21a6b5f30f107",
  recip: "f982641d69a5edc1d24b56c783cd3494b312419d97447943278845a3a3d27feb",
  rsqrt: "7725f1d60602a708d1d3650c458a04a2a9ea4af90b7c02d38706fabf26248a18",
};

/** First index whose entry of `exp` is 0; the table is 0 from there on. */
const EXP_ZERO = 10647;

/** e^(−1/1024) by its series; eight terms are more than a double holds. */
const EXP_STEP: number = (() => {
  let sum = 0;
  for (let k = 8; k > 0; k--) sum = (1 + sum) * (-1 / (1024 * k));
  return 1 + sum;
})();

/** To nearest; no entry is a tie. */
const round = (x: number): number => Math.floor(x + 0.5);

function expTable(): Int16Array {
  const entries = new Int16Array(65536);
  let power = 16384;
  for (let d = 0; d < EXP_ZERO; d++) {
    entries[d] = round(power);
    power *= EXP_STEP;
  }
  return entries;
}

function siluTable(): Int16Array {
  const entries = new Int16Array(65536);
  let power = 1;
  for (let v = 0; v <= 32768; v++) {
    const upper = v / (1 + power);
    if (v < 32768) entries[32768 + v] = round(upper);
    entries[32768 - v] = round(-upper * power);
    power *= EXP_STEP;
  }
  return entries;
}

function recipTable(): Int16Array {
  const entries = new Int16Array(8192);
  for (let i = 0; i < 8192; i++) entries[i] = Math.floor(2 ** 27 / (i + 8193));
  return entries;
}

function rsqrtTable(): Int16Array {
  const entries = new Int16Array(12288);
  for (let i = 0; i < 12288; i++) entries[i] = round(2 ** 19 / Math.sqrt(i + 4096.5));
  return entries;
}

/** Computes the tables anew, unchecked: a few milliseconds. */
export function createTables(): Tables {
  return { exp: expTable(), silu: siluTable(), recip: recipTable(), rsqrt: rsqrtTable() };
}

/** The SHA-256 of a table, as spec/01 §1.3 takes it. */
export function tableHash(entries: Int16Array, hasher: DataHasher = sha256): string {
  const bytes = new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength);
  return bytesToHex(hasher(inMachineOrder(bytes, 2)));
}

let shared: Tables | undefined;

/**
 * The tables, computed and checked on first use and then shared: treat them as constants.
 *
 * @throws {Error} if this platform's arithmetic gives other tables than spec/01 §1.3
 */
export function globalTables(hasher?: DataHasher): Tables {
  if (shared !== undefined) return shared;
  const tables = createTables();
  for (const name of ["exp", "silu", "recip", "rsqrt"] as const) {
    const hash = tableHash(tables[name], hasher);
    if (hash !== TABLE_HASHES[name]) {
      throw new Error(
        `table ${name} came out with hash ${hash}: this platform's doubles are not IEEE 754's`,
      );
    }
  }
  shared = tables;
  return tables;
}
