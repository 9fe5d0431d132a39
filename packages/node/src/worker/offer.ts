/** Whether a worker takes an order: pure decisions over the order and what the worker knows. */

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
  /** Unix seconds. */
  readonly now: bigint;
}

/** Less is not enough to compute an answer, sign it and have it checked. */
const MIN_DEADLINE_SECONDS = 10n;
/** Orders further in the future than this tie up the channel for nothing. */
const MAX_DEADLINE_SECONDS = 3_600n;

/** Who does not sign as the order's client, or asks another worker, learns nothing here. */
export function refusalOfParties({
  order,
  signer,
  worker,
}: Pick<OfferFacts, "order" | "signer" | "worker">): Refusal | null {
  if (signer === null || !equalBytes(signer, order.client)) {
    return refuse("invalidOrder", "the order is not signed by its client");
  }
  if (!equalBytes(order.worker, worker)) {
    return refuse("invalidOrder", "the order names another worker");
  }
  return null;
}

/** The first reason to refuse that can be told without looking at the chain, or null. */
export function refusalOf(facts: OfferFacts): Refusal | null {
  const { order } = facts;
  const parties = refusalOfParties(facts);
  if (parties !== null) return parties;
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
  if (order.deadline < now + MIN_DEADLINE_SECONDS || order.deadline > now + MAX_DEADLINE_SECONDS) {
    const range = `${MIN_DEADLINE_SECONDS} to ${MAX_DEADLINE_SECONDS} s`;
    return refuse("deadline", `the deadline is not ${range} away`);
  }
  if (facts.freeSlots < 1) return refuse("busy", "all slots are taken; try again");
  return null;
}

/** @param channelFree what the channel holds beyond what this worker has accepted and not been paid for */
export function refusalOfChannel(order: Order, channelFree: bigint): Refusal | null {
  const needed = largestPrice(order);
  if (channelFree < needed) {
    return refuse("channel", `the channel has ${channelFree} free, the order may cost ${needed}`);
  }
  return null;
}

/** Each order has a place of its own in its channel, above all that is settled: below, it could not be paid. */
export function refusalOfSequence(
  { sequence }: Order,
  channel: { readonly settledBelow: bigint; readonly taken: boolean },
): Refusal | null {
  if (sequence < channel.settledBelow) {
    const text = `the sequence ${sequence} is settled already; it must be ${channel.settledBelow} or more`;
    return refuse("invalidOrder", text);
  }
  if (channel.taken) {
    return refuse("invalidOrder", `the sequence ${sequence} was used by another order`);
  }
  return null;
}

const refuse = (code: keyof typeof RPC_CODES, text: string): Refusal => ({
  code: RPC_CODES[code],
  text,
});
