/** What anyone can read of the contracts of one network (spec/04). */

import { merkleRoot, type SigningDomain, type Voucher } from "@assay/wire";
import {
  createPublicClient,
  encodeAbiParameters,
  type Hex,
  http,
  keccak256,
  type PublicClient,
} from "viem";
import { ChainError } from "./chain-error.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-keys.ts";
import { contracts } from "./generated/contracts.ts";
import { fromHex, toHex } from "./hex.ts";
import type { NetworkFile } from "./network-file.ts";

/** Of a chain on this machine, and of one that others pay for: a public RPC counts requests. */
const LOCAL_POLL_MS = 50;
const PUBLIC_POLL_MS = 1_000;

/** How long to wait before a chain is asked again whether something has happened. */
export const pollMsOf = ({ chainId }: Pick<NetworkFile, "chainId">): number =>
  chainId === DEVELOPMENT_CHAIN_ID ? LOCAL_POLL_MS : PUBLIC_POLL_MS;

/** States of an order (spec/04 §4.5–4.7). */
type OrderState = "open" | "contested" | "paid" | "void";
const ORDER_STATES: readonly OrderState[] = ["open", "contested", "paid", "void"];

/** States of a court case (spec/04 §4.7). */
type CaseState = "none" | "drawing" | "ruling" | "closed";
const CASE_STATES: readonly CaseState[] = ["none", "drawing", "ruling", "closed"];

interface CourtCase {
  readonly state: CaseState;
  readonly challenger: Uint8Array;
  /** The block whose hash decides the draw. */
  readonly anchor: bigint;
  /** The juror that is due to rule; zeros before the draw. */
  readonly juror: Uint8Array;
  /** The last block for its ruling. */
  readonly deadline: bigint;
}

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
  /** Of the chain's own coin, in wei. */
  coinBalance(party: Uint8Array): Promise<bigint>;
  isActive(party: Uint8Array): Promise<boolean>;
  stakeOf(party: Uint8Array): Promise<bigint>;
  /** What a proven fraud would take: also what is unbonding. */
  slashableOf(party: Uint8Array): Promise<bigint>;
  minStake(): Promise<bigint>;
  windowBlocks(): Promise<bigint>;
  /** What the worker of this channel can count on: nothing while the client takes it back. */
  channelBalance(client: Uint8Array, worker: Uint8Array): Promise<bigint>;
  channelOf(client: Uint8Array, worker: Uint8Array): Promise<Channel>;
  orderState(orderHash: Uint8Array): Promise<OrderState>;
  /** The published receipt of an order; undefined while there is none. */
  publicationOf(orderHash: Uint8Array): Promise<Publication | undefined>;
  caseOf(caseId: bigint): Promise<CourtCase>;
  /** Block from which the batch is paid; undefined when it is not posted. */
  payableFrom(worker: Uint8Array, batch: Batch): Promise<bigint | undefined>;
}

/** One channel (spec/04 §4.3); amounts in base units. */
export interface Channel {
  readonly balance: bigint;
  /** What the worker has had for the orders below `settledBelow`. */
  readonly paid: bigint;
  /** Orders below are settled. */
  readonly settledBelow: bigint;
  /** What it has had for published receipts that no voucher covers yet: of orders in [aheadFrom, aheadBelow). */
  readonly ahead: bigint;
  readonly aheadFrom: bigint;
  readonly aheadBelow: bigint;
  /** Open challenges against its receipts. */
  readonly holds: number;
  /** The worker was found at fraud, and is never paid from it again. */
  readonly forfeited: boolean;
  /** Block from which the worker is paid again after a failed challenge. */
  readonly payableFrom: bigint;
  /** Block from which the client can take the balance back; zero without a request. */
  readonly withdrawableFrom: bigint;
}

/** What its worker can count on: what the client is taking back may be gone before it is due. */
export const availableIn = (
  channel: Pick<Channel, "balance" | "withdrawableFrom" | "forfeited">,
): bigint => (channel.withdrawableFrom === 0n && !channel.forfeited ? channel.balance : 0n);

interface Publication {
  readonly receiptHash: Uint8Array;
  /** Block from which it can be paid. */
  readonly payableFrom: bigint;
}

export interface SignedVoucher {
  readonly voucher: Voucher;
  readonly signature: Uint8Array;
}

/** A batch of one worker's receipts in leaf order, and the vouchers that pay them. */
export interface Batch {
  readonly leaves: readonly Uint8Array[];
  readonly vouchers: readonly SignedVoucher[];
}

/** A voucher as the ABI takes it. */
export const voucherArguments = ({ client, worker, settledBelow, amount }: Voucher) => ({
  client: toHex(client),
  worker: toHex(worker),
  settledBelow,
  amount,
});

const VOUCHERS = [
  {
    type: "tuple[]",
    components: [
      { name: "client", type: "address" },
      { name: "worker", type: "address" },
      { name: "settledBelow", type: "uint64" },
      { name: "amount", type: "uint128" },
    ],
  },
] as const;

/** keccak256(abi.encode(vouchers)): what a batch fixes of them. */
export const vouchersHash = (vouchers: readonly SignedVoucher[]): Hex =>
  keccak256(
    encodeAbiParameters(VOUCHERS, [vouchers.map(({ voucher }) => voucherArguments(voucher))]),
  );

/** Connects for reading. @throws {ChainError} `CHAIN_UNREACHABLE`, or `CHAIN_WRONG_ID` when the RPC serves another chain. */
export async function openChain(network: NetworkFile): Promise<ChainReader> {
  const rpc = createPublicClient({
    transport: http(network.rpc, { batch: false, retryCount: 2, timeout: 10_000 }),
    pollingInterval: pollMsOf(network),
    cacheTime: 0,
  });
  const actual = await rpc.getChainId().catch(unreachable(network.rpc));
  if (actual !== network.chainId) {
    throw new ChainError({ code: "CHAIN_WRONG_ID", expected: network.chainId, actual });
  }
  return createReader(network, rpc);
}

/** Turns what a request to an RPC rejects with into ours. */
export const unreachable =
  (rpc: string) =>
  (cause: unknown): never => {
    throw new ChainError({ code: "CHAIN_UNREACHABLE", rpc }, { cause });
  };

function createReader(network: NetworkFile, rpc: PublicClient): ChainReader {
  return {
    network,
    rpc,
    domain: {
      chainId: BigInt(network.chainId),
      settlement: fromHex(network.contracts.settlement),
    },
    blockNumber: () => rpc.getBlockNumber({ cacheTime: 0 }),
    ...readModels(network, rpc),
    ...readParties(network, rpc),
    ...readSettlement(network, rpc),
    ...readCourt(network, rpc),
  };
}

function readModels(
  { contracts: at }: NetworkFile,
  rpc: PublicClient,
): Pick<ChainReader, "programOf" | "nameOf"> {
  const models = { address: at.models, abi: contracts.ModelRegistry.abi } as const;
  return {
    async programOf(name) {
      const root = await rpc.readContract({ ...models, functionName: "programOf", args: [name] });
      return BigInt(root) === 0n ? undefined : fromHex(root);
    },
    async nameOf(programRoot) {
      const args = [toHex(programRoot)] as const;
      const model = await rpc.readContract({ ...models, functionName: "modelOf", args });
      return BigInt(model.registrant) === 0n ? undefined : model.name;
    },
  };
}

function readParties(
  { contracts: at }: NetworkFile,
  rpc: PublicClient,
): Pick<
  ChainReader,
  | "tokenBalance"
  | "coinBalance"
  | "isActive"
  | "stakeOf"
  | "slashableOf"
  | "minStake"
  | "channelBalance"
  | "channelOf"
> {
  const stake = { address: at.stake, abi: contracts.Stake.abi } as const;
  const token = { address: at.token, abi: contracts.DevToken.abi } as const;
  const escrow = { address: at.escrow, abi: contracts.Escrow.abi } as const;
  const partyOf = (party: Uint8Array) =>
    rpc.readContract({ ...stake, functionName: "partyOf", args: [toHex(party)] });
  const channelOf = (client: Uint8Array, worker: Uint8Array) =>
    rpc.readContract({
      ...escrow,
      functionName: "channelOf",
      args: [toHex(client), toHex(worker)],
    });
  return {
    tokenBalance: (party) =>
      rpc.readContract({ ...token, functionName: "balanceOf", args: [toHex(party)] }),
    coinBalance: (party) => rpc.getBalance({ address: toHex(party) }),
    isActive: (party) =>
      rpc.readContract({ ...stake, functionName: "isActive", args: [toHex(party)] }),
    stakeOf: async (party) => (await partyOf(party)).bonded,
    async slashableOf(party) {
      const { bonded, unbonding } = await partyOf(party);
      return bonded + unbonding;
    },
    minStake: () => rpc.readContract({ ...stake, functionName: "minStake" }),
    async channelBalance(client, worker) {
      return availableIn(await channelOf(client, worker));
    },
    channelOf,
  };
}

function readSettlement(
  { contracts: at }: NetworkFile,
  rpc: PublicClient,
): Pick<ChainReader, "windowBlocks" | "orderState" | "publicationOf" | "payableFrom"> {
  const settlement = { address: at.settlement, abi: contracts.Settlement.abi } as const;
  const windowBlocks = (): Promise<bigint> =>
    rpc.readContract({ ...settlement, functionName: "windowBlocks" });
  const recordOf = (orderHash: Uint8Array) =>
    rpc.readContract({ ...settlement, functionName: "orderOf", args: [toHex(orderHash)] });
  return {
    windowBlocks,
    async orderState(orderHash) {
      const record = await recordOf(orderHash);
      const state = ORDER_STATES[record.state];
      if (state === undefined) throw new RangeError(`order state ${record.state}`);
      return state;
    },
    async publicationOf(orderHash) {
      const { published, payableFrom } = await recordOf(orderHash);
      return BigInt(published) === 0n
        ? undefined
        : { receiptHash: fromHex(published), payableFrom };
    },
    async payableFrom(worker, { leaves, vouchers }) {
      const batchId = await rpc.readContract({
        ...settlement,
        functionName: "batchIdOf",
        args: [toHex(worker), toHex(merkleRoot(leaves)), leaves.length, vouchersHash(vouchers)],
      });
      const [postedAt, window] = await Promise.all([
        rpc.readContract({ ...settlement, functionName: "postedAt", args: [batchId] }),
        windowBlocks(),
      ]);
      return postedAt === 0n ? undefined : postedAt + window;
    },
  };
}

function readCourt({ contracts: at }: NetworkFile, rpc: PublicClient): Pick<ChainReader, "caseOf"> {
  const court = { address: at.court, abi: contracts.JuryCourt.abi } as const;
  return {
    async caseOf(caseId) {
      const found = await rpc.readContract({ ...court, functionName: "caseOf", args: [caseId] });
      const state = CASE_STATES[found.state];
      if (state === undefined) throw new RangeError(`case state ${found.state}`);
      return {
        state,
        challenger: fromHex(found.challenger),
        anchor: found.anchor,
        juror: fromHex(found.juror),
        deadline: found.deadline,
      };
    },
  };
}
