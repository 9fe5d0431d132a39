/** Receipts that workers make public: for their client it may be the first sight of them (spec/04 §4.5). */

import { FINISH_REASONS, type FinishReason, type Receipt } from "@assay/wire";
import { decodeEventLog, type Hex } from "viem";
import { type FollowOptions, followLogs } from "./follow.ts";
import { contracts } from "./generated/contracts.ts";
import { fromHex } from "./hex.ts";
import type { ChainReader } from "./reader.ts";

export interface PublishedReceipt {
  readonly client: Uint8Array;
  readonly receipt: Receipt;
  readonly signature: Uint8Array;
  /** Block from which it is paid, unless it is challenged. */
  readonly payableFrom: bigint;
}

export interface FollowPublicationsOptions extends Omit<FollowOptions, "addresses" | "onLog"> {
  readonly onPublished: (published: PublishedReceipt) => Promise<void> | void;
}

/** Follows publications from `fromBlock` until the signal aborts. */
export async function followPublications(
  chain: ChainReader,
  { onPublished, ...follow }: FollowPublicationsOptions,
): Promise<void> {
  await followLogs(chain.rpc, {
    ...follow,
    addresses: [chain.network.contracts.settlement],
    onLog: async (log) => {
      const published = publicationOf(log);
      if (published !== undefined) await onPublished(published);
    },
  });
}

const finishReasonOf = (code: number): FinishReason => {
  const known = Object.values(FINISH_REASONS).find((reason) => reason === code);
  if (known === undefined) throw new RangeError(`finish reason ${code}`);
  return known;
};

function publicationOf(log: {
  readonly topics: [] | [Hex, ...Hex[]];
  readonly data: Hex;
}): PublishedReceipt | undefined {
  const event = decodeEventLog({
    abi: contracts.Settlement.abi,
    topics: log.topics,
    data: log.data,
  });
  if (event.eventName !== "ReceiptPublished") return undefined;
  const { client, payableFrom, receipt, signature } = event.args;
  return {
    client: fromHex(client),
    payableFrom,
    signature: fromHex(signature),
    receipt: {
      orderHash: fromHex(receipt.orderHash),
      programRoot: fromHex(receipt.programRoot),
      worker: fromHex(receipt.worker),
      seed: fromHex(receipt.seed),
      inputCommitment: fromHex(receipt.inputCommitment),
      outputCommitment: fromHex(receipt.outputCommitment),
      promptTokens: receipt.promptTokens,
      outputTokens: receipt.outputTokens,
      finishReason: finishReasonOf(receipt.finishReason),
      price: receipt.price,
      completedAt: receipt.completedAt,
      traceRoot: fromHex(receipt.traceRoot),
    },
  };
}
