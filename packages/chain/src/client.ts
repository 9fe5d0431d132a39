/**
 * The contracts of one network (spec/04) for one account, in the protocol's own values:
 * hashes and addresses are bytes here, hexadecimal only towards the RPC.
 */

import {
  addressOf,
  bytesToHex,
  equalBytes,
  hexToBytes,
  merkleProof,
  merkleRoot,
  type Order,
  type Receipt,
  receiptHash,
  type SigningDomain,
} from "@assay/wire";
import { type Abi, createPublicClient, type Hex, http, type PublicClient } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ChainError } from "./chain-error.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-chain.ts";
import { isDevelopmentAddress } from "./development-keys.ts";
import { contractErrors, contracts } from "./generated/contracts.ts";
import type { Address, NetworkFile } from "./network-file.ts";
import { createTransactor } from "./transactor.ts";

const POLL_MS = 100;
const MAX_UINT256 = 2n ** 256n - 1n;

export const toHex = (bytes: Uint8Array): Hex => `0x${bytesToHex(bytes)}`;
export const fromHex = (hex: Hex): Uint8Array => hexToBytes(hex.slice(2).toLowerCase());

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

/** States of an order (spec/04 §4.4–4.6). */
export type OrderState = "open" | "contested" | "claimed" | "void";
const ORDER_STATES: readonly OrderState[] = ["open", "contested", "claimed", "void"];

/** Reads, for anyone. */
export interface ChainReader {
  readonly network: NetworkFile;
  readonly domain: SigningDomain;
  readonly rpc: PublicClient;
  blockNumber(): Promise<bigint>;
  /** The program root under a registered name. */
  programOf(name: string): Promise<Uint8Array | undefined>;
  /** The name that a program root was registered under. */
  nameOf(programRoot: Uint8Array): Promise<string | undefined>;
  tokenBalance(party: Uint8Array): Promise<bigint>;
  isActive(party: Uint8Array): Promise<boolean>;
  stakeOf(party: Uint8Array): Promise<bigint>;
  minStake(): Promise<bigint>;
  windowBlocks(): Promise<bigint>;
  channelBalance(client: Uint8Array, worker: Uint8Array): Promise<bigint>;
  orderState(orderHash: Uint8Array): Promise<OrderState>;
  /** Block from which the batch's receipts can be claimed; undefined when it is not posted. */
  claimableFrom(worker: Uint8Array, batch: Batch): Promise<bigint | undefined>;
}

/** A batch of one worker's receipts, in leaf order. */
export interface Batch {
  readonly leaves: readonly Uint8Array[];
  readonly total: bigint;
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

/** Connects for reading. @throws {ChainError} `CHAIN_WRONG_ID` when the RPC serves another chain. */
export async function openChain(network: NetworkFile): Promise<ChainReader> {
  const rpc = createPublicClient({
    transport: http(network.rpc, { batch: false, retryCount: 2, timeout: 10_000 }),
    pollingInterval: POLL_MS,
    cacheTime: 0,
  });
  const actual = await rpc.getChainId();
  if (actual !== network.chainId) {
    throw new ChainError({ code: "CHAIN_WRONG_ID", expected: network.chainId, actual });
  }
  return createReader(network, rpc);
}

function createReader(network: NetworkFile, rpc: PublicClient): ChainReader {
  const { contracts: at } = network;
  const stake = { address: at.stake, abi: contracts.Stake.abi } as const;
  const models = { address: at.models, abi: contracts.ModelRegistry.abi } as const;
  const settlement = { address: at.settlement, abi: contracts.Settlement.abi } as const;
  return {
    network,
    rpc,
    domain: { chainId: BigInt(network.chainId), settlement: fromHex(at.settlement) },
    blockNumber: () => rpc.getBlockNumber({ cacheTime: 0 }),
    async programOf(name) {
      const root = await rpc.readContract({ ...models, functionName: "programOf", args: [name] });
      return BigInt(root) === 0n ? undefined : fromHex(root);
    },
    async nameOf(programRoot) {
      const model = await rpc.readContract({
        ...models,
        functionName: "modelOf",
        args: [toHex(programRoot)],
      });
      return BigInt(model.registrant) === 0n ? undefined : model.name;
    },
    tokenBalance: (party) =>
      rpc.readContract({
        address: at.token,
        abi: contracts.DevToken.abi,
        functionName: "balanceOf",
        args: [toHex(party)],
      }),
    isActive: (party) =>
      rpc.readContract({ ...stake, functionName: "isActive", args: [toHex(party)] }),
    async stakeOf(party) {
      const found = await rpc.readContract({
        ...stake,
        functionName: "partyOf",
        args: [toHex(party)],
      });
      return found.bonded;
    },
    minStake: () => rpc.readContract({ ...stake, functionName: "minStake" }),
    windowBlocks: () => rpc.readContract({ ...settlement, functionName: "windowBlocks" }),
    async channelBalance(client, worker) {
      const channel = await rpc.readContract({
        address: at.escrow,
        abi: contracts.Escrow.abi,
        functionName: "channelOf",
        args: [toHex(client), toHex(worker)],
      });
      return channel.withdrawableFrom === 0n ? channel.balance : 0n;
    },
    async orderState(orderHash) {
      const record = await rpc.readContract({
        ...settlement,
        functionName: "orderOf",
        args: [toHex(orderHash)],
      });
      const state = ORDER_STATES[record.state];
      if (state === undefined) throw new RangeError(`order state ${record.state}`);
      return state;
    },
    async claimableFrom(worker, batch) {
      const [batchId, window] = await Promise.all([
        rpc.readContract({
          ...settlement,
          functionName: "batchIdOf",
          args: [toHex(worker), toHex(merkleRoot(batch.leaves)), batch.leaves.length, batch.total],
        }),
        rpc.readContract({ ...settlement, functionName: "windowBlocks" }),
      ]);
      const found = await rpc.readContract({
        ...settlement,
        functionName: "batchOf",
        args: [batchId],
      });
      return found.postedAt === 0n ? undefined : found.postedAt + window;
    },
  };
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
  const transactor = createTransactor(reader.rpc, privateKeyToAccount(toHex(privateKey)));
  const { contracts: at } = network;

  async function execute(contract: Address, abi: Abi, functionName: string, args: unknown[]) {
    const receipt = await transactor.execute({
      address: contract,
      // A call may revert with an error of a contract further down.
      abi: [...abi, ...contractErrors],
      functionName,
      args,
    });
    return { hash: receipt.transactionHash, block: receipt.blockNumber };
  }
  const settle = (name: string, args: unknown[]): Promise<Transaction> =>
    execute(at.settlement, contracts.Settlement.abi, name, args);
  const court = (name: string, args: unknown[]): Promise<Transaction> =>
    execute(at.court, contracts.JuryCourt.abi, name, args);

  /** Approves once for all: the spender is an immutable contract that takes what its rules say. */
  async function approve(spender: Address, amount: bigint): Promise<void> {
    const token = { address: at.token, abi: contracts.DevToken.abi } as const;
    const allowance = await reader.rpc.readContract({
      ...token,
      functionName: "allowance",
      args: [toHex(address), spender],
    });
    if (allowance >= amount) return;
    await execute(at.token, contracts.DevToken.abi, "approve", [spender, MAX_UINT256]);
  }

  return {
    ...reader,
    address,
    async ensureStake(amount) {
      const missing = amount - (await reader.stakeOf(address));
      if (missing <= 0n) return;
      await approve(at.stake, missing);
      await execute(at.stake, contracts.Stake.abi, "deposit", [missing]);
    },
    async ensureChannel(worker, amount) {
      const missing = amount - (await reader.channelBalance(address, worker));
      if (missing <= 0n) return;
      await approve(at.escrow, missing);
      await execute(at.escrow, contracts.Escrow.abi, "deposit", [toHex(worker), missing]);
    },
    registerModel: (programRoot, name) =>
      execute(at.models, contracts.ModelRegistry.abi, "register", [toHex(programRoot), name]),
    postBatch: (batch) =>
      settle("postBatch", [toHex(merkleRoot(batch.leaves)), batch.leaves.length, batch.total]),
    claim: (batch, receipts) =>
      settle("claimMany", [receipts.map((signed) => claimArguments(batch, signed))]),
    withdraw: () => withdrawCredit(reader, address, execute),
    async challenge(signed, rival) {
      const bond = await reader.rpc.readContract({
        address: at.court,
        abi: contracts.JuryCourt.abi,
        functionName: "bond",
      });
      await approve(at.court, bond);
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

type Execute = (
  contract: Address,
  abi: Abi,
  functionName: string,
  args: unknown[],
) => Promise<Transaction>;

async function withdrawCredit(
  reader: ChainReader,
  address: Uint8Array,
  execute: Execute,
): Promise<(Transaction & { readonly amount: bigint }) | undefined> {
  const { escrow } = reader.network.contracts;
  const amount = await reader.rpc.readContract({
    address: escrow,
    abi: contracts.Escrow.abi,
    functionName: "creditOf",
    args: [toHex(address)],
  });
  if (amount === 0n) return undefined;
  const sent = await execute(escrow, contracts.Escrow.abi, "withdrawCredit", []);
  return { ...sent, amount };
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
