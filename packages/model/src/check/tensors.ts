/** The part of `checkProgram` that looks at every element of every tensor, used or not. */

import { type Program, rowStride, type Tensor } from "../program.ts";
import { Refusal } from "./refusal.ts";

const LARGEST_MULTIPLIER = 16383;
const ONE = 2 ** 14;

/** @throws {Refusal} */
export function checkTensors(program: Program): void {
  program.tensors.forEach((tensor, id) => {
    const [first, second = 1, third = 1] = tensor.dims;
    const elements = first * (tensor.type === "int8" ? rowStride(second) : second * third);
    if (tensor.dims.some((dim) => !(dim >= 1)) || tensor.data.length !== elements) {
      const message = `tensor ${id} has ${tensor.data.length} elements in ${tensor.dims.join(" × ")}`;
      throw new Refusal("CHECK_TENSOR", { operator: null }, message);
    }
    const row = badRow(tensor);
    if (row === -1) return;
    const message = `tensor ${id} (${tensor.type}), row ${row}: an element is out of range`;
    throw new Refusal("CHECK_TENSOR_VALUE", { operator: null, row }, message);
  });
}

/** The first row of the tensor (element, if it is a vector) that is out of range, -1 if none is. */
function badRow(tensor: Tensor): number {
  switch (tensor.type) {
    case "int8":
      return badMatrixRow(tensor.data, tensor.dims[1]);
    case "uint16":
      return tensor.data.findIndex((m) => m < 1 || m > LARGEST_MULTIPLIER);
    case "int32":
      return -1;
    case "int16": {
      const at = tensor.data.findIndex((value) => Math.abs(value) > ONE);
      return at === -1 ? -1 : Math.floor(at / (tensor.dims[1] * tensor.dims[2]));
    }
  }
}

function badMatrixRow(data: Int8Array, k: number): number {
  const stride = rowStride(k);
  const lowest = data.indexOf(-128);
  if (lowest !== -1) return Math.floor(lowest / stride);
  if (k === stride) return -1;
  for (let end = stride; end <= data.length; end += stride) {
    for (let i = end - stride + k; i < end; i++) {
      if (data[i] !== 0) return end / stride - 1;
    }
  }
  return -1;
}
