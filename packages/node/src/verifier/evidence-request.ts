/** How a juror comes by a receipt file, and from which block it follows the court. */

import type { ChainReader } from "@assay/chain";
import type { Peer, Peers } from "../mesh/peers.ts";

const ANSWER_TIMEOUT_MS = 2_000;
/** Cases older than this are over (spec/04 §4.7). */
const LOOK_BACK_BLOCKS = 256n;

/** A block before every case that may still be open. */
export async function recentBlock(chain: ChainReader): Promise<bigint> {
  const head = await chain.blockNumber();
  return head > LOOK_BACK_BLOCKS ? head - LOOK_BACK_BLOCKS : 0n;
}

/** Asks the challenger, who must show its evidence to the juror; undefined when it does not now. */
export async function requestEvidence(
  peers: Peers,
  challenger: Uint8Array,
  receiptHash: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const peer = peers.withAddress(challenger);
  return peer === undefined ? undefined : askOne(peer, receiptHash, signal);
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
