/**
 * The contracts of one network (spec/04) for one account, in the protocol's own values:
 * hashes and addresses are bytes here, hexadecimal only towards the RPC.
 */

import {
  addressOf,
  equalBytes,
  merkleProof,
  merkleRoot,
  type Order,
  type Receipt,
  receiptHash,
} from "@assay/wire";
import type { Abi, Hex } from "viem";
import { ChainError } from "./chain-error.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-chain.ts";
import { isDevelopmentAddress } from "./development-keys.ts";
import { contractErrors, contracts } from "./generated/contracts.ts";
import { toHex } from "./hex.ts";
import type { Address, NetworkFile } from "./network-file.ts";
import { type Batch, type ChainReader, openChain } from "./reader.ts";
import { createTransactor } from "./transactor.ts";

const MAX_UINT256 = 2n ** 256n - 1n;

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
  registerModel(programRoot: Uint8Array, name: string): Promise<Transaction>;
  postBatch(batch: Batch): Promise<Transaction>;
  claim(batch: Batch, receipts: readonly SignedReceipt[]): Promise<Transaction>;
  /** Pays out what the escrow owes this account; undefined when that is nothing. */
  withdraw(): Promise<(Transaction & { readonly amount: bigint }) | undefined>;
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
  if (network.chainId !== DEVELOPMENT_CHAIN_ID && isDevelopmentAddress(address)) {
    throw new ChainError({
      code: "CHAIN_DEVELOPMENT_KEY",
      chainId: network.chainId,
      address: toHex(address),
    });
  }
  const reader = await openChain(network);
  const transactor = createTransactor(reader.rpc, privateKey);
  const account: Account = {
    reader,
    address,
    async execute(contract, abi, functionName, args) {
      const receipt = await transactor.execute({
        address: contract,
        // A call may revert with an error of a contract further down.
        abi: [...abi, ...contractErrors],
        functionName,
        args,
      });
      return { hash: receipt.transactionHash, block: receipt.blockNumber };
    },
  };
  return { ...reader, address, ...moneyActions(account), ...settlementActions(account) };
}

interface Account {
  readonly reader: ChainReader;
  readonly address: Uint8Array;
  execute(
    contract: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[],
  ): Promise<Transaction>;
}

/** Approves once for all: the spender is an immutable contract that takes what its rules say. */
async function approve(account: Account, spender: Address, amount: bigint): Promise<void> {
  const { token } = account.reader.network.contracts;
  const allowance = await account.reader.rpc.readContract({
    address: token,
    abi: contracts.DevToken.abi,
    functionName: "allowance",
    args: [toHex(account.address), spender],
  });
  if (allowance >= amount) return;
  await account.execute(token, contracts.DevToken.abi, "approve", [spender, MAX_UINT256]);
}

function moneyActions(
  account: Account,
): Pick<ChainClient, "ensureStake" | "ensureChannel" | "withdraw"> {
  const { reader, address } = account;
  const { stake, escrow } = reader.network.contracts;
  return {
    async ensureStake(amount) {
      const missing = amount - (await reader.stakeOf(address));
      if (missing <= 0n) return;
      await approve(account, stake, missing);
      await account.execute(stake, contracts.Stake.abi, "deposit", [missing]);
    },
    async ensureChannel(worker, amount) {
      const missing = amount - (await reader.channelBalance(address, worker));
      if (missing <= 0n) return;
      await approve(account, escrow, missing);
      await account.execute(escrow, contracts.Escrow.abi, "deposit", [toHex(worker), missing]);
    },
    async withdraw() {
      const amount = await reader.rpc.readContract({
        address: escrow,
        abi: contracts.Escrow.abi,
        functionName: "creditOf",
        args: [toHex(address)],
      });
      if (amount === 0n) return undefined;
      const sent = await account.execute(escrow, contracts.Escrow.abi, "withdrawCredit", []);
      return { ...sent, amount };
    },
  };
}

function settlementActions(
  account: Account,
): Omit<ChainClient, keyof ChainReader | "address" | keyof ReturnType<typeof moneyActions>> {
  const { contracts: at } = account.reader.network;
  const settle = (name: string, args: readonly unknown[]): Promise<Transaction> =>
    account.execute(at.settlement, contracts.Settlement.abi, name, args);
  const court = (name: string, args: readonly unknown[]): Promise<Transaction> =>
    account.execute(at.court, contracts.JuryCourt.abi, name, args);
  return {
    registerModel: (programRoot, name) =>
      account.execute(at.models, contracts.ModelRegistry.abi, "register", [
        toHex(programRoot),
        name,
      ]),
    postBatch: (batch) =>
      settle("postBatch", [toHex(merkleRoot(batch.leaves)), batch.leaves.length, batch.total]),
    claim: (batch, receipts) =>
      settle("claimMany", [receipts.map((signed) => claimArguments(batch, signed))]),
    async challenge(signed, rival) {
      const bond = await account.reader.rpc.readContract({
        address: at.court,
        abi: contracts.JuryCourt.abi,
        functionName: "bond",
      });
      await approve(account, at.court, bond);
      return settle("challenge", [
        ...signedArguments(signed),
        toHex(rival.traceRoot),
        toHex(rival.outputCommitment),
      ]);
    },
    draw: (caseId) => court("draw", [caseId]),
    redraw: (caseId) => court("redraw", [caseId]),
    rule: (caseId, fraud) => court("rule", [caseId, fraud]),
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

function claimArguments(batch: Batch, signed: SignedReceipt): unknown {
  const hash = receiptHash(signed.receipt);
  const index = batch.leaves.findIndex((leaf) => equalBytes(leaf, hash));
  if (index < 0) throw new RangeError("the receipt is not in the batch");
  return {
    index,
    count: batch.leaves.length,
    total: batch.total,
    siblings: merkleProof(batch.leaves, index).map(toHex),
    order: hexFields(signed.order),
    orderSignature: toHex(signed.orderSignature),
    receipt: hexFields(signed.receipt),
    receiptSignature: toHex(signed.receiptSignature),
  };
}

const signedArguments = (signed: SignedReceipt): unknown[] => [
  hexFields(signed.order),
  toHex(signed.orderSignature),
  hexFields(signed.receipt),
  toHex(signed.receiptSignature),
];

/** An order or a receipt as the ABI takes it: the same names, bytes as hexadecimal. */
function hexFields(value: Order | Receipt): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      field instanceof Uint8Array ? toHex(field) : field,
    ]),
  );
}
