/** Whether a worker takes an order: a pure decision over the order and what the worker knows. */

import { equalBytes, largestPrice, type Order, orderFault, RPC_CODES } from "@assay/wire";

export interface Refusal {
  readonly code: number;
  readonly text: string;
}

export interface OfferFacts {
  readonly order: Order;
  /** Who signed the order; null when nobody can be recovered. */
  readonly signer: Uint8Array | null;
  readonly worker: Uint8Array;
  /** Positions of the ordered program; undefined when this worker does not have it. */
  readonly context: number | undefined;
  readonly promptPrice: bigint;
  readonly outputPrice: bigint;
  readonly freeSlots: number;
  /** What the client's channel holds beyond what this worker has accepted and not been paid for. */
  readonly channelFree: bigint;
  /** Unix seconds. */
  readonly now: bigint;
}

/** Orders further in the future than this tie up the channel for nothing. */
const MAX_DEADLINE_SECONDS = 3_600n;

/** The first reason to refuse, or null to accept. */
export function refusalOf(facts: OfferFacts): Refusal | null {
  const { order } = facts;
  if (facts.signer === null || !equalBytes(facts.signer, order.client)) {
    return refuse("invalidOrder", "the order is not signed by its client");
  }
  if (!equalBytes(order.worker, facts.worker)) {
    return refuse("invalidOrder", "the order names another worker");
  }
  if (facts.context === undefined) {
    return refuse("unknownProgram", "this worker does not have the ordered program");
  }
  const fault = orderFault(order, facts.context);
  if (fault !== null) return refuse("invalidOrder", `the order breaks a rule: ${fault}`);
  return refusalOfTerms(facts);
}

function refusalOfTerms(facts: OfferFacts): Refusal | null {
  const { order, now } = facts;
  if (order.promptPrice < facts.promptPrice || order.outputPrice < facts.outputPrice) {
    return refuse(
      "price",
      `the price is below ${facts.promptPrice} and ${facts.outputPrice} a token`,
    );
  }
  if (order.deadline <= now || order.deadline > now + MAX_DEADLINE_SECONDS) {
    return refuse("deadline", `the deadline is not within the next ${MAX_DEADLINE_SECONDS} s`);
  }
  if (facts.freeSlots < 1) return refuse("busy", "all slots are taken; try again");
  const needed = largestPrice(order);
  if (facts.channelFree < needed) {
    return refuse(
      "channel",
      `the channel has ${facts.channelFree} free, the order may cost ${needed}`,
    );
  }
  return null;
}

const refuse = (code: keyof typeof RPC_CODES, text: string): Refusal => ({
  code: RPC_CODES[code],
  text,
});
