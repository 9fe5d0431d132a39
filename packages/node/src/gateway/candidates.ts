/** Which workers a gateway may ask, and in which order. */

import { equalBytes } from "@assay/wire";
import type { Peer } from "../mesh/peers.ts";
import type { Candidate } from "./answer.ts";

export interface PriceLimit {
  /** The most that is paid, in base units a token. */
  readonly maxPromptPrice: bigint;
  readonly maxOutputPrice: bigint;
}

/** Those that offer the program at a price within the limit. */
export function candidatesAmong(
  workers: readonly Peer[],
  root: Uint8Array,
  limit: PriceLimit,
): readonly Candidate[] {
  return workers.flatMap((peer) => {
    const offer = peer.hello.programs.find(({ programRoot }) => equalBytes(programRoot, root));
    if (offer === undefined) return [];
    const { promptPrice, outputPrice } = offer;
    const dear = promptPrice > limit.maxPromptPrice || outputPrice > limit.maxOutputPrice;
    return dear ? [] : [{ peer, offer }];
  });
}

/** The cheaper first; those that cost the same stay as they are. */
export const cheapestFirst = (candidates: readonly Candidate[]): readonly Candidate[] =>
  candidates.toSorted((a, b) => Number(costOf(a) - costOf(b)));

/** Of one token in and one out: what an answer will have of either is not known before. */
const costOf = ({ offer }: Candidate): bigint => offer.promptPrice + offer.outputPrice;
