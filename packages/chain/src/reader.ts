/** What anyone can read of the contracts of one network (spec/04). */

import { merkleRoot, type SigningDomain } from "@assay/wire";
import { createPublicClient, http, type PublicClient } from "viem";
import { ChainError } from "./chain-error.ts";
import { contracts } from "./generated/contracts.ts";
import { fromHex, toHex } from "./hex.ts";
import type { NetworkFile } from "./network-file.ts";

const POLL_MS = 50;

/** States of an order (spec/04 §4.4–4.6). */
type OrderState = "open" | "contested" | "claimed" | "void";
const ORDER_STATES: readonly OrderState[] = ["open", "contested", "claimed", "void"];

/** States of a court case (spec/04 §4.6). */
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
  isActive(party: Uint8Array): Promise<boolean>;
  stakeOf(party: Uint8Array): Promise<bigint>;
  /** What a proven fraud would take: also what is unbonding. */
  slashableOf(party: Uint8Array): Promise<bigint>;
  minStake(): Promise<bigint>;
  windowBlocks(): Promise<bigint>;
  channelBalance(client: Uint8Array, worker: Uint8Array): Promise<bigint>;
  orderState(orderHash: Uint8Array): Promise<OrderState>;
  caseOf(caseId: bigint): Promise<CourtCase>;
  /** Block from which the batch's receipts can be claimed; undefined when it is not posted. */
  claimableFrom(worker: Uint8Array, batch: Batch): Promise<bigint | undefined>;
}

/** A batch of one worker's receipts, in leaf order. */
export interface Batch {
  readonly leaves: readonly Uint8Array[];
  readonly total: bigint;
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
  "tokenBalance" | "isActive" | "stakeOf" | "slashableOf" | "minStake" | "channelBalance"
> {
  const stake = { address: at.stake, abi: contracts.Stake.abi } as const;
  const token = { address: at.token, abi: contracts.DevToken.abi } as const;
  const escrow = { address: at.escrow, abi: contracts.Escrow.abi } as const;
  const partyOf = (party: Uint8Array) =>
    rpc.readContract({ ...stake, functionName: "partyOf", args: [toHex(party)] });
  return {
    tokenBalance: (party) =>
      rpc.readContract({ ...token, functionName: "balanceOf", args: [toHex(party)] }),
    isActive: (party) =>
      rpc.readContract({ ...stake, functionName: "isActive", args: [toHex(party)] }),
    stakeOf: async (party) => (await partyOf(party)).bonded,
    async slashableOf(party) {
      const { bonded, unbonding } = await partyOf(party);
      return bonded + unbonding;
    },
    minStake: () => rpc.readContract({ ...stake, functionName: "minStake" }),
    async channelBalance(client, worker) {
      const args = [toHex(client), toHex(worker)] as const;
      const channel = await rpc.readContract({ ...escrow, functionName: "channelOf", args });
      // What the client is taking back may be gone before a claim.
      return channel.withdrawableFrom === 0n ? channel.balance : 0n;
    },
  };
}

function readSettlement(
  { contracts: at }: NetworkFile,
  rpc: PublicClient,
): Pick<ChainReader, "windowBlocks" | "orderState" | "claimableFrom"> {
  const settlement = { address: at.settlement, abi: contracts.Settlement.abi } as const;
  const windowBlocks = (): Promise<bigint> =>
    rpc.readContract({ ...settlement, functionName: "windowBlocks" });
  return {
    windowBlocks,
    async orderState(orderHash) {
      const args = [toHex(orderHash)] as const;
      const record = await rpc.readContract({ ...settlement, functionName: "orderOf", args });
      const state = ORDER_STATES[record.state];
      if (state === undefined) throw new RangeError(`order state ${record.state}`);
      return state;
    },
    async claimableFrom(worker, { leaves, total }) {
      const batchId = await rpc.readContract({
        ...settlement,
        functionName: "batchIdOf",
        args: [toHex(worker), toHex(merkleRoot(leaves)), leaves.length, total],
      });
      const [found, window] = await Promise.all([
        rpc.readContract({ ...settlement, functionName: "batchOf", args: [batchId] }),
        windowBlocks(),
      ]);
      return found.postedAt === 0n ? undefined : found.postedAt + window;
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
