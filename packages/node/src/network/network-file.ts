/** Network files: from disk, from a gateway, or from the parent process. */

import { readFileSync } from "node:fs";
import { type NetworkFile, parseNetworkFile } from "@assay/chain";
import { NETWORK_OF_PARENT, networkOfParent } from "./child.ts";

const FETCH_TIMEOUT_MS = 10_000;
const MAX_BYTES = 65_536;

/** From a path, an http(s) URL (a gateway serves its own at /network.json), or "parent". @throws with what is wrong, and where */
export function loadNetwork(where: string): Promise<NetworkFile> {
  if (where === NETWORK_OF_PARENT) return networkOfParent();
  return /^https?:\/\//.test(where) ? fetchNetworkFile(where) : readFrom(where);
}

const readFrom = async (path: string): Promise<NetworkFile> => readNetworkFile(path);

/** Reads a network file. @throws with the path and what is wrong. */
export function readNetworkFile(path: string): NetworkFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(
      `cannot read the network file ${path}; "assay up" and "assay deploy" write one`,
      { cause: error },
    );
  }
  return parseNetworkFile(text);
}

/** Who serves it is its gateway, unless it names another. */
async function fetchNetworkFile(url: string): Promise<NetworkFile> {
  const text = await textAt(url).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot read the network file at ${url}: ${why}`, { cause });
  });
  return { gateway: new URL(url).origin, ...parseNetworkFile(text) };
}

async function textAt(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) throw new Error("it is too large to be one");
  }
  return text;
}
