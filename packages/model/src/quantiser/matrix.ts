/** int8 matrices with one scale per output row. */

import { rowStride, type Tensor } from "../program.ts";
import { round } from "./multipliers.ts";

const LARGEST_WEIGHT = 127;

export interface Matrix {
  readonly tensor: Tensor & { readonly type: "int8" };
  /** What the integer 1 stands for in each row. */
  readonly units: Float64Array;
  /** Σ_k |W[n][k]| of each row. */
  readonly magnitudes: Float64Array;
}

/**
 * Rounds weight[n][k]·columns[k] to nearest (halves up) at a scale that gives each row's largest magnitude 127.
 *
 * @param weight row-major, `columns.length` wide
 */
export function quantiseMatrix(weight: Float32Array, columns: Float64Array): Matrix {
  const width = columns.length;
  const rows = weight.length / width;
  const stride = rowStride(width);
  const data = new Int8Array(rows * stride);
  const units = new Float64Array(rows);
  const magnitudes = new Float64Array(rows);
  const row = new Float64Array(width);
  for (let n = 0; n < rows; n++) {
    let largest = 0;
    for (let k = 0; k < width; k++) {
      const value = (weight[n * width + k] ?? 0) * (columns[k] ?? 0);
      row[k] = value;
      largest = Math.max(largest, Math.abs(value));
    }
    if (largest === 0) continue;
    const unit = largest / LARGEST_WEIGHT;
    units[n] = unit;
    let magnitude = 0;
    for (let k = 0; k < width; k++) {
      const integer = round((row[k] ?? 0) / unit);
      data[n * stride + k] = integer;
      magnitude += Math.abs(integer);
    }
    magnitudes[n] = magnitude;
  }
  return { tensor: { type: "int8", dims: [rows, width], data }, units, magnitudes };
}
