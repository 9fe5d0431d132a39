/** Hexadecimal text both ways, beside Buffer's: the cost of showing and reading a megabyte. */

import { bytesToHex, hexToBytes } from "@assay/wire";
import { type Figure, type SuiteOptions, summarise, time } from "../figure.ts";

const MEGABYTE = 1 << 20;

export async function* suite({ quick }: SuiteOptions): AsyncGenerator<Figure> {
  const runs = quick ? 5 : 25;
  const bytes = Uint8Array.from({ length: MEGABYTE }, (_, i) => (i * 167) & 0xff);
  const hex = Buffer.from(bytes).toString("hex");
  if (bytesToHex(bytes) !== hex) throw new Error("the benchmark would measure a wrong answer");

  const shared = { unit: "ms", better: "lower", target: null } as const;
  const write = summarise(await time(() => bytesToHex(bytes), runs));
  const peerWrite = summarise(await time(() => Buffer.from(bytes).toString("hex"), runs));
  yield {
    name: "hex-write-1MiB",
    ...shared,
    ...write,
    peer: { name: "Buffer", value: peerWrite.value },
  };

  const read = summarise(await time(() => hexToBytes(hex), runs));
  const peerRead = summarise(await time(() => Buffer.from(hex, "hex"), runs));
  yield {
    name: "hex-read-1MiB",
    ...shared,
    ...read,
    peer: { name: "Buffer", value: peerRead.value },
  };
}
