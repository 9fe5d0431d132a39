/** Whether and how a receipt was paid: its claim, and the worker's withdrawal after it (spec/04 §4.4). */

import { parseAbiItem } from "viem";
import type { Transaction } from "./client.ts";
import { toHex } from "./hex.ts";
import type { ChainReader } from "./reader.ts";

export interface Payment {
  /** Base units moved from the client's channel to the worker's credit. */
  readonly price: bigint;
  readonly claim: Transaction;
  /** The worker's first withdrawal in or after the claim's block; undefined until then. */
  readonly withdrawal: (Transaction & { readonly amount: bigint }) | undefined;
}

const RECEIPT_CLAIMED = parseAbiItem(
  "event ReceiptClaimed(bytes32 indexed receiptHash, address indexed worker, address indexed client, bytes32 orderHash, bytes32 batchId, uint128 price)",
);
const WITHDRAWN = parseAbiItem("event Withdrawn(address indexed party, uint256 amount)");

/** What the chain says from block `fromBlock` on; undefined before the receipt is claimed. */
export async function findPayment(
  chain: ChainReader,
  receipt: { readonly receiptHash: Uint8Array; readonly worker: Uint8Array },
  fromBlock: bigint,
): Promise<Payment | undefined> {
  const { settlement, escrow } = chain.network.contracts;
  const [claimed] = await chain.rpc.getLogs({
    address: settlement,
    event: RECEIPT_CLAIMED,
    args: { receiptHash: toHex(receipt.receiptHash) },
    fromBlock,
  });
  if (claimed?.args.price === undefined) return undefined;
  const [withdrawn] = await chain.rpc.getLogs({
    address: escrow,
    event: WITHDRAWN,
    args: { party: toHex(receipt.worker) },
    fromBlock: claimed.blockNumber,
  });
  return {
    price: claimed.args.price,
    claim: { hash: claimed.transactionHash, block: claimed.blockNumber },
    withdrawal:
      withdrawn?.args.amount === undefined
        ? undefined
        : {
            hash: withdrawn.transactionHash,
            block: withdrawn.blockNumber,
            amount: withdrawn.args.amount,
          },
  };
}
