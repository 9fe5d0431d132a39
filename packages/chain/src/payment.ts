/** Whether and how an order was paid: by a voucher that covers it, or by its published receipt (spec/04). */

import { type Hex, parseAbiItem } from "viem";
import type { Transaction } from "./client.ts";
import { toHex } from "./hex.ts";
import type { ChainReader, Channel } from "./reader.ts";

export interface Payment extends Transaction {
  /** `voucher`: with all other orders below a sequence. `receipt`: alone, after it was published. */
  readonly by: "voucher" | "receipt";
  /** Base units that this transaction moved from the client's channel to the worker. */
  readonly amount: bigint;
}

export interface PaidOrder {
  readonly client: Uint8Array;
  readonly worker: Uint8Array;
  readonly sequence: bigint;
}

const VOUCHER_REDEEMED = parseAbiItem(
  "event VoucherRedeemed(address indexed client, address indexed worker, uint64 settledBelow, uint256 amount, uint256 paid)",
);
const RECEIPT_PAID = parseAbiItem(
  "event ReceiptPaid(bytes32 indexed receiptHash, address indexed client, address indexed worker, bytes32 orderHash, uint128 price)",
);

/** Base units that the worker has had already of what a voucher grants (spec/04 §4.3). */
export function paidTowards(
  {
    paid,
    ahead,
    aheadFrom,
    aheadBelow,
  }: Pick<Channel, "paid" | "ahead" | "aheadFrom" | "aheadBelow">,
  { settledBelow }: { readonly settledBelow: bigint },
): bigint {
  return aheadBelow === 0n || settledBelow <= aheadFrom ? paid : paid + ahead;
}

/** Every payment from a client's channel to a worker, from block `fromBlock` on, the first first. */
export async function paymentsBetween(
  chain: ChainReader,
  { client, worker }: Pick<PaidOrder, "client" | "worker">,
  fromBlock: bigint,
): Promise<readonly Payment[]> {
  const { escrow, settlement } = chain.network.contracts;
  const args = { client: toHex(client), worker: toHex(worker) };
  const [redeemed, published] = await Promise.all([
    chain.rpc.getLogs({ address: escrow, event: VOUCHER_REDEEMED, args, fromBlock }),
    chain.rpc.getLogs({ address: settlement, event: RECEIPT_PAID, args, fromBlock }),
  ]);
  const payments = [
    ...redeemed.map((log) => paymentOf(log, "voucher", log.args.paid)),
    ...published.map((log) => paymentOf(log, "receipt", log.args.price)),
  ];
  return payments.toSorted((a, b) => Number(a.block - b.block));
}

const paymentOf = (
  { transactionHash, blockNumber }: { readonly transactionHash: Hex; readonly blockNumber: bigint },
  by: Payment["by"],
  amount = 0n,
): Payment => ({ by, amount, hash: transactionHash, block: blockNumber });

/** What the chain says from block `fromBlock` on; undefined before the worker has its money. */
export async function findPayment(
  chain: ChainReader,
  order: PaidOrder,
  receiptHash: Uint8Array,
  fromBlock: bigint,
): Promise<Payment | undefined> {
  const published = await findPublishedPayment(chain, receiptHash, fromBlock);
  return published ?? findVoucherPayment(chain, order, fromBlock);
}

async function findPublishedPayment(
  chain: ChainReader,
  receiptHash: Uint8Array,
  fromBlock: bigint,
): Promise<Payment | undefined> {
  const [log] = await chain.rpc.getLogs({
    address: chain.network.contracts.settlement,
    event: RECEIPT_PAID,
    args: { receiptHash: toHex(receiptHash) },
    fromBlock,
  });
  if (log?.args.price === undefined) return undefined;
  return paymentOf(log, "receipt", log.args.price);
}

/** The first redeemed voucher that covers the order, once all that it grants has been paid. */
async function findVoucherPayment(
  chain: ChainReader,
  { client, worker, sequence }: PaidOrder,
  fromBlock: bigint,
): Promise<Payment | undefined> {
  const logs = await chain.rpc.getLogs({
    address: chain.network.contracts.escrow,
    event: VOUCHER_REDEEMED,
    args: { client: toHex(client), worker: toHex(worker) },
    fromBlock,
  });
  const log = logs.find(({ args }) => (args.settledBelow ?? 0n) > sequence);
  if (log?.args.amount === undefined || log.args.paid === undefined) return undefined;
  const { settledBelow = 0n, amount } = log.args;
  const channel = await chain.channelOf(client, worker);
  if (paidTowards(channel, { settledBelow }) < amount) return undefined;
  return paymentOf(log, "voucher", log.args.paid);
}
