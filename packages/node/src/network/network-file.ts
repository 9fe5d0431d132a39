import { readFileSync } from "node:fs";
import { type NetworkFile, parseNetworkFile } from "@assay/chain";

/** Reads a network file. @throws with the path and what is wrong. */
export function readNetworkFile(path: string): NetworkFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`cannot read the network file ${path}; "assay up" writes one`, {
      cause: error,
    });
  }
  return parseNetworkFile(text);
}
