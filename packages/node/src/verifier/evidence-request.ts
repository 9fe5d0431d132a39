/** How a juror comes by a receipt file, and from which block it follows the court. */

import type { ChainReader } from "@assay/chain";
import { bytesToHex } from "@assay/wire";
import type { Peer, Peers } from "../mesh/peers.ts";

const ANSWER_TIMEOUT_MS = 2_000;
const RETRY_MS = 300;
const MAX_TRIES = 10;
/** Cases older than this are over (spec/04 §4.6). */
const LOOK_BACK_BLOCKS = 256n;

/** A block before every case that may still be open. */
export async function recentBlock(chain: ChainReader): Promise<bigint> {
  const head = await chain.blockNumber();
  return head > LOOK_BACK_BLOCKS ? head - LOOK_BACK_BLOCKS : 0n;
}

/** Asks the challenger first, then every verifier and gateway, and all of them again for a while. */
export async function requestEvidence(
  peers: Peers,
  challenger: Uint8Array,
  receiptHash: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for (let tries = 0; tries < MAX_TRIES && !signal.aborted; tries++) {
    const first = peers.withAddress(challenger);
    const holders = new Set([
      ...(first === undefined ? [] : [first]),
      ...peers.withRole("verifier"),
      ...peers.withRole("gateway"),
    ]);
    for (const peer of holders) {
      const file = await askOne(peer, receiptHash, signal);
      if (file !== undefined) return file;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  throw new Error(`nobody has the evidence for receipt ${bytesToHex(receiptHash)}`);
}

async function askOne(
  peer: Peer,
  receiptHash: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const call = peer.link.call({ type: "evidenceGet", receiptHash });
  try {
    const answer = await call.next(
      AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    );
    return answer?.type === "evidence" ? answer.file : undefined;
  } catch {
    return undefined;
  } finally {
    call.close();
  }
}
