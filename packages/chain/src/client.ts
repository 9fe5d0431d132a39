/**
 * The contracts of one network (spec/04) for one account, in the protocol's own values:
 * hashes and addresses are bytes here, hexadecimal only towards the RPC.
 */

import { addressOf, type Delivery, merkleRoot, type Order, type Receipt } from "@assay/wire";
import type { Abi, Hex } from "viem";
import { refuseDevelopmentKey } from "./development-keys.ts";
import { contractErrors, contracts } from "./generated/contracts.ts";
import { toHex } from "./hex.ts";
import type { Address, NetworkFile } from "./network-file.ts";
import {
  type Batch,
  type ChainReader,
  openChain,
  voucherArguments,
  vouchersHash,
} from "./reader.ts";
import { type Call, createTransactor } from "./transactor.ts";

/** Bonds that the court may take before it has to be allowed again: several challenges can be under way at once. */
const CHALLENGES_APPROVED = 16n;

/** A receipt with both signatures. */
export interface SignedReceipt {
  readonly order: Order;
  readonly orderSignature: Uint8Array;
  readonly receipt: Receipt;
  readonly receiptSignature: Uint8Array;
}

export interface Transaction {
  readonly hash: Hex;
  readonly block: bigint;
}

/** Reads and writes for one key. */
export interface ChainClient extends ChainReader {
  readonly address: Uint8Array;
  /** Bonds what is missing to `amount`; nothing when it is there. */
  ensureStake(amount: bigint): Promise<void>;
  /** Fills the channel to this worker up to `amount`. */
  ensureChannel(worker: Uint8Array, amount: bigint): Promise<void>;
  /** Lets the court take its bond, so that a challenge is one transaction. */
  ensureBondApproved(): Promise<void>;
  registerModel(programRoot: Uint8Array, name: string): Promise<Transaction>;
  postBatch(batch: Batch): Promise<Transaction>;
  /** Redeems the vouchers of a batch of this account, after its window. */
  payBatch(batch: Batch): Promise<Transaction>;
  /** Makes a receipt public that its client gives no voucher for. */
  publish(
    signed: SignedReceipt,
    delivery: Delivery,
    deliverySignature: Uint8Array,
  ): Promise<Transaction>;
  /** Has a published receipt paid, after its time. */
  payPublished(order: Order, receipt: Receipt): Promise<Transaction>;
  challenge(
    signed: SignedReceipt,
    rival: { readonly traceRoot: Uint8Array; readonly outputCommitment: Uint8Array },
  ): Promise<Transaction>;
  draw(caseId: bigint): Promise<Transaction>;
  redraw(caseId: bigint): Promise<Transaction>;
  rule(caseId: bigint, fraud: boolean): Promise<Transaction>;
  proveEquivocation(
    order: Order,
    a: { readonly receipt: Receipt; readonly signature: Uint8Array },
    b: { readonly receipt: Receipt; readonly signature: Uint8Array },
  ): Promise<Transaction>;
}

/**
 * Connects with a key.
 *
 * @throws {ChainError} `CHAIN_DEVELOPMENT_KEY` for a well-known key on any chain but the development chain.
 */
export async function connectChain(
  network: NetworkFile,
  privateKey: Uint8Array,
): Promise<ChainClient> {
  const address = addressOf(privateKey);
  refuseDevelopmentKey(network.chainId, address);
  const reader = await openChain(network);
  const transactor = createTransactor(reader.rpc, privateKey);
  const account: Account = {
    reader,
    address,
    async execute(contract, abi, functionName, args) {
      const [done] = await account.executeAll([{ address: contract, abi, functionName, args }]);
      if (done === undefined) throw new TypeError("nothing was sent");
      return done;
    },
    async executeAll(calls) {
      const included = await transactor.executeAll(calls.map(withAllErrors));
      return included.map(({ transactionHash, blockNumber }) => ({
        hash: transactionHash,
        block: blockNumber,
      }));
    },
  };
  return {
    ...reader,
    address,
    ...moneyActions(account),
    ...settlementActions(account),
    ...courtActions(account),
  };
}

const SETTLEMENT: Abi = contracts.Settlement.abi;

/** A call may revert with an error of a contract further down. */
const withAllErrors = (call: Call): Call => ({ ...call, abi: [...call.abi, ...contractErrors] });

interface Account {
  readonly reader: ChainReader;
  readonly address: Uint8Array;
  execute(
    contract: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[],
  ): Promise<Transaction>;
  /** In order, and in one block where it can be: each is simulated on top of those before. */
  executeAll(calls: readonly Call[]): Promise<readonly Transaction[]>;
}

/** The approval that is missing, and no more: who made the network file says which contract this is. */
async function approval(
  account: Account,
  spender: Address,
  amount: bigint,
  /** How much to approve where it is missing. */
  approved: bigint = amount,
): Promise<readonly Call[]> {
  const { token } = account.reader.network.contracts;
  const allowance = await account.reader.rpc.readContract({
    address: token,
    abi: contracts.DevToken.abi,
    functionName: "allowance",
    args: [toHex(account.address), spender],
  });
  if (allowance >= amount) return [];
  const args = [spender, approved];
  return [{ address: token, abi: contracts.DevToken.abi, functionName: "approve", args }];
}

function moneyActions(account: Account): Pick<ChainClient, "ensureStake" | "ensureChannel"> {
  const { reader, address } = account;
  const { stake, escrow } = reader.network.contracts;
  return {
    async ensureStake(amount) {
      const missing = amount - (await reader.stakeOf(address));
      if (missing <= 0n) return;
      await account.executeAll([
        ...(await approval(account, stake, missing)),
        { address: stake, abi: contracts.Stake.abi, functionName: "deposit", args: [missing] },
      ]);
    },
    async ensureChannel(worker, amount) {
      const missing = amount - (await reader.channelBalance(address, worker));
      if (missing <= 0n) return;
      const args = [toHex(worker), missing];
      await account.executeAll([
        ...(await approval(account, escrow, missing)),
        { address: escrow, abi: contracts.Escrow.abi, functionName: "deposit", args },
      ]);
    },
  };
}

function courtActions(account: Account): Pick<ChainClient, "draw" | "redraw" | "rule"> {
  const court = (name: string, args: readonly unknown[]): Promise<Transaction> =>
    account.execute(account.reader.network.contracts.court, contracts.JuryCourt.abi, name, args);
  return {
    draw: (caseId) => court("draw", [caseId]),
    redraw: (caseId) => court("redraw", [caseId]),
    rule: (caseId, fraud) => court("rule", [caseId, fraud]),
  };
}

function settlementActions(
  account: Account,
): Omit<
  ChainClient,
  | keyof ChainReader
  | "address"
  | keyof ReturnType<typeof moneyActions>
  | keyof ReturnType<typeof courtActions>
> {
  const { contracts: at } = account.reader.network;
  const settle = (name: string, args: readonly unknown[]): Promise<Transaction> =>
    account.execute(at.settlement, contracts.Settlement.abi, name, args);
  async function bondApproval(): Promise<readonly Call[]> {
    const bond = await account.reader.rpc.readContract({
      address: at.court,
      abi: contracts.JuryCourt.abi,
      functionName: "bond",
    });
    return approval(account, at.court, bond, CHALLENGES_APPROVED * bond);
  }
  return {
    async ensureBondApproved() {
      await account.executeAll(await bondApproval());
    },
    registerModel: (programRoot, name) =>
      account.execute(at.models, contracts.ModelRegistry.abi, "register", [
        toHex(programRoot),
        name,
      ]),
    postBatch: (batch) =>
      settle("postBatch", [
        toHex(merkleRoot(batch.leaves)),
        batch.leaves.length,
        vouchersHash(batch.vouchers),
      ]),
    payBatch: (batch) =>
      settle("payBatch", [
        toHex(account.address),
        toHex(merkleRoot(batch.leaves)),
        batch.leaves.length,
        batch.vouchers.map(({ voucher }) => voucherArguments(voucher)),
        batch.vouchers.map(({ signature }) => toHex(signature)),
      ]),
    publish: (signed, delivery, deliverySignature) =>
      settle("publish", [
        ...signedArguments(signed),
        hexFields(delivery),
        toHex(deliverySignature),
      ]),
    payPublished: (order, receipt) =>
      settle("payPublished", [hexFields(order), hexFields(receipt)]),
    async challenge(signed, rival) {
      const args = [
        ...signedArguments(signed),
        toHex(rival.traceRoot),
        toHex(rival.outputCommitment),
      ];
      const included = await account.executeAll([
        ...(await bondApproval()),
        { address: at.settlement, abi: SETTLEMENT, functionName: "challenge", args },
      ]);
      const challenge = included.at(-1);
      if (challenge === undefined) throw new TypeError("nothing was sent");
      return challenge;
    },
    proveEquivocation: (order, a, b) =>
      settle("proveEquivocation", [
        hexFields(order),
        hexFields(a.receipt),
        toHex(a.signature),
        hexFields(b.receipt),
        toHex(b.signature),
      ]),
  };
}

const signedArguments = (signed: SignedReceipt): unknown[] => [
  hexFields(signed.order),
  toHex(signed.orderSignature),
  hexFields(signed.receipt),
  toHex(signed.receiptSignature),
];

/** A message as the ABI takes it: the same names, bytes as hexadecimal. */
function hexFields(value: Order | Receipt | Delivery): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      field instanceof Uint8Array ? toHex(field) : field,
    ]),
  );
}
