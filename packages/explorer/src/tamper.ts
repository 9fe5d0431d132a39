/** Changes to a receipt file, each of which a verifier has to find. */

import { decodeReceiptFile, encodeReceiptFile } from "@assay/wire";
import type { Tampering } from "./messages.ts";

export interface Tampered {
  readonly file: Uint8Array;
  /** What was changed, in words. */
  readonly change: string;
}

/** @param random a number below its argument, for the bit that is flipped */
export function tamper(
  file: Uint8Array,
  tampering: Tampering,
  vocab: number,
  random: (below: number) => number,
): Tampered {
  const receiptFile = decodeReceiptFile(file);
  const { output, receipt } = receiptFile;
  switch (tampering) {
    case "answer": {
      const token = ((output[0] ?? 0) + 1) % vocab;
      return {
        file: encodeReceiptFile({ ...receiptFile, output: [token, ...output.slice(1)] }),
        change: `the first token of the answer is ${token} instead of ${output[0]}`,
      };
    }
    case "price": {
      const price = receipt.price + 1n;
      return {
        file: encodeReceiptFile({ ...receiptFile, receipt: { ...receipt, price } }),
        change: `the price is ${price} instead of ${receipt.price}`,
      };
    }
    case "trace": {
      const traceRoot = flipped(receipt.traceRoot, 0);
      return {
        file: encodeReceiptFile({ ...receiptFile, receipt: { ...receipt, traceRoot } }),
        change: "the root of the execution trace differs in one bit",
      };
    }
    case "bit": {
      const bit = random(8 * file.length);
      return {
        file: flipped(file, bit),
        change: `bit ${bit % 8} of byte ${Math.floor(bit / 8)} of the file's ${file.length} is flipped`,
      };
    }
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const at = Math.floor(bit / 8);
  return bytes.map((byte, i) => (i === at ? byte ^ (1 << (bit % 8)) : byte));
}
