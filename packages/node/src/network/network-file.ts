import { readFileSync } from "node:fs";
import { type NetworkFile, parseNetworkFile } from "@assay/chain";
import { NETWORK_OF_PARENT, networkOfParent } from "./child.ts";

/** The network of `--network`: a file's, or the one that the process that started this one sends. */
export async function loadNetwork(path: string): Promise<NetworkFile> {
  return path === NETWORK_OF_PARENT ? networkOfParent() : readNetworkFile(path);
}

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
