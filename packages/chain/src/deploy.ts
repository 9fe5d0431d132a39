/** Deploys the contracts of one network (spec/04 §4.1) to any EVM chain, from one key. */

import { addressOf, bytesToHex, sha256 } from "@assay/wire";
import {
  createPublicClient,
  encodeAbiParameters,
  encodeDeployData,
  type Hex,
  http,
  type PublicClient,
} from "viem";
import { ChainError } from "./chain-error.ts";
import { refuseDevelopmentKey } from "./development-keys.ts";
import { bytecodes } from "./generated/bytecodes.ts";
import { contracts } from "./generated/contracts.ts";
import { toHex } from "./hex.ts";
import type { Address, ContractName } from "./network-file.ts";
import { unreachable } from "./reader.ts";
import { createTransactor } from "./transactor.ts";

/** What a deployment fixes for ever. Amounts in token base units, times in blocks. */
export interface Terms {
  readonly minStake: bigint;
  readonly bond: bigint;
  readonly windowBlocks: bigint;
  readonly unbondingBlocks: bigint;
  readonly withdrawBlocks: bigint;
  readonly rulingBlocks: bigint;
}

const DECIMALS = 18;
/** One token in base units, as DevToken has. */
export const TOKEN = 10n ** BigInt(DECIMALS);

/** Terms of a development network: a window of 1.5 s, so that pay arrives while one watches. */
export const DEVELOPMENT_TERMS: Terms = {
  minStake: 100n * TOKEN,
  bond: 10n * TOKEN,
  windowBlocks: 3n,
  rulingBlocks: 40n,
  unbondingBlocks: 600n,
  withdrawBlocks: 120n,
};

/** Test tokens that a development network starts with. */
const DEVELOPMENT_SUPPLY = 1_000_000_000n * TOKEN;

/** Over the estimate: fees and state move until it is included. */
const DEPLOY_GAS_PERCENT = 120n;

export interface TermsWish {
  /** The chain's time from block to block. */
  readonly blockSeconds: number;
  /** How long a batch can be challenged before it is paid. */
  readonly windowSeconds: number;
  /** How long a juror has for its ruling. */
  readonly rulingSeconds: number;
  readonly minStake: bigint;
  readonly bond: bigint;
}

const JURORS = 3n;
const LONGEST_DRAW_BLOCKS = 256n;

/** Terms in blocks, with the shortest times for unbonding and withdrawal that spec/04 §4.1 allows. */
export function termsFor(wish: TermsWish): Terms {
  const blocks = (seconds: number): bigint =>
    BigInt(Math.max(1, Math.ceil(seconds / wish.blockSeconds)));
  const windowBlocks = blocks(wish.windowSeconds);
  const rulingBlocks = blocks(wish.rulingSeconds);
  const drawBlocks = rulingBlocks < LONGEST_DRAW_BLOCKS ? rulingBlocks : LONGEST_DRAW_BLOCKS;
  const longestCase = JURORS * (drawBlocks + rulingBlocks + 2n);
  return {
    minStake: wish.minStake,
    bond: wish.bond,
    windowBlocks,
    rulingBlocks,
    unbondingBlocks: 4n * windowBlocks + longestCase + 1n,
    withdrawBlocks: 6n * windowBlocks,
  };
}

export interface ChainSurvey {
  readonly chainId: number;
  /** From block to block, over the last hundred; undefined where that says nothing of the next. */
  readonly blockSeconds: number | undefined;
}

const SURVEYED_BLOCKS = 100n;
const FEWEST_BLOCKS = 10n;
/** Timestamps are whole seconds: no chain is taken for faster. */
const SHORTEST_BLOCK_SECONDS = 0.25;
/** A chain that makes blocks on demand, or has stood still, says nothing of its time by these. */
const LONGEST_BLOCK_SECONDS = 60;

/** @throws {ChainError} `CHAIN_UNREACHABLE` */
export async function surveyChain(rpcUrl: string): Promise<ChainSurvey> {
  const rpc = createPublicClient({ transport: http(rpcUrl) });
  const [chainId, head] = await Promise.all([rpc.getChainId(), rpc.getBlock()]).catch(
    unreachable(rpcUrl),
  );
  // Without the first block, whose time may be any.
  const span = head.number - 1n < SURVEYED_BLOCKS ? head.number - 1n : SURVEYED_BLOCKS;
  if (span < FEWEST_BLOCKS) return { chainId, blockSeconds: undefined };
  const before = await rpc.getBlock({ blockNumber: head.number - span });
  const seconds = Number(head.timestamp - before.timestamp) / Number(span);
  if (seconds > LONGEST_BLOCK_SECONDS) return { chainId, blockSeconds: undefined };
  return { chainId, blockSeconds: Math.max(SHORTEST_BLOCK_SECONDS, seconds) };
}

/** Tells the contracts of this program from those of another version: a chain keeps what was deployed to it. */
export const contractsId = (): string =>
  bytesToHex(sha256(new TextEncoder().encode(bytecodes.Deployment)));

export interface DeployOptions {
  readonly rpc: string;
  readonly privateKey: Uint8Array;
  readonly terms: Terms;
  /** The ERC-20 that pays; a test token is deployed when absent. */
  readonly token?: Address;
}

/**
 * Deploys and returns the addresses.
 *
 * @throws {ChainError} `CHAIN_DEVELOPMENT_KEY` for a well-known key on any chain but the development chain, `CHAIN_FUNDS`
 * when the account cannot pay the fees, `CHAIN_TOKEN`, `CHAIN_REVERTED` when a creation fails
 */
export async function deployContracts(
  options: DeployOptions,
): Promise<Readonly<Record<ContractName, Address>>> {
  const rpc = createPublicClient({
    transport: http(options.rpc),
    pollingInterval: 50,
    cacheTime: 0,
  });
  const transactor = createTransactor(rpc, options.privateKey);
  const chainId = await rpc.getChainId();
  refuseDevelopmentKey(chainId, addressOf(options.privateKey));
  if (options.token !== undefined) await checkToken(rpc, options.token);
  const { address } = transactor;
  const data = creationsOf(options);
  const gasOf = async (creation: Hex): Promise<bigint> =>
    ((await rpc.estimateGas({ account: address, data: creation })) * DEPLOY_GAS_PERCENT) / 100n;
  const gas = {
    token: data.token === undefined ? 0n : await gasOf(data.token),
    models: await gasOf(data.models),
    deployment: await gasOf(data.deployment(options.token ?? address)),
  };
  await requireFees(rpc, address, chainId, gas.token + gas.models + gas.deployment);
  const create = async (what: string, creation: Hex, limit: bigint): Promise<Address> =>
    created(rpc, what, await transactor.sendRaw({ data: creation, gas: limit }));
  // In one block where it can be.
  const [token, models] = await Promise.all([
    options.token ?? create("token", data.token ?? "0x", gas.token),
    create("model registry", data.models, gas.models),
  ]);
  const deployment = await create("contracts", data.deployment(token), gas.deployment);
  const read = (functionName: "stake" | "escrow" | "settlement" | "court"): Promise<Address> =>
    rpc.readContract({ address: deployment, abi: contracts.Deployment.abi, functionName });
  const [stake, escrow, settlement, court] = await Promise.all([
    read("stake"),
    read("escrow"),
    read("settlement"),
    read("court"),
  ]);
  return { token, models, stake, escrow, settlement, court };
}

/** What creates each contract. */
const creationsOf = ({ terms, token }: DeployOptions) => ({
  token:
    token === undefined
      ? encodeDeployData({
          abi: contracts.DevToken.abi,
          bytecode: bytecodes.DevToken,
          args: [DEVELOPMENT_SUPPLY],
        })
      : undefined,
  models: encodeDeployData({
    abi: contracts.ModelRegistry.abi,
    bytecode: bytecodes.ModelRegistry,
  }),
  deployment: (paidIn: Address) =>
    encodeDeployData({
      abi: contracts.Deployment.abi,
      bytecode: bytecodes.Deployment,
      args: [{ token: paidIn, ...terms }],
    }),
});

/** Terms are told in tokens of 18 decimals, and fixed for ever. @throws {ChainError} `CHAIN_TOKEN` */
async function checkToken(rpc: PublicClient, token: Address): Promise<void> {
  const decimals = await rpc
    .readContract({ address: token, abi: contracts.DevToken.abi, functionName: "decimals" })
    .catch(() => undefined);
  if (decimals === DECIMALS) return;
  const problem =
    decimals === undefined
      ? "is no ERC-20 on this chain"
      : `has ${decimals} decimals; stakes, bonds and prices are told in ${DECIMALS}`;
  throw new ChainError({ code: "CHAIN_TOKEN", token, problem });
}

async function requireFees(
  rpc: PublicClient,
  address: Address,
  chainId: number,
  gas: bigint,
): Promise<void> {
  const [held, { maxFeePerGas }] = await Promise.all([
    rpc.getBalance({ address }),
    rpc.estimateFeesPerGas(),
  ]);
  const needed = gas * maxFeePerGas;
  if (held < needed) {
    throw new ChainError({ code: "CHAIN_FUNDS", address, chainId, token: null, needed, held });
  }
}

async function created(rpc: PublicClient, what: string, hash: Hex): Promise<Address> {
  const receipt = await rpc.waitForTransactionReceipt({ hash });
  if (receipt.status !== "success" || !receipt.contractAddress) {
    throw new ChainError({
      code: "CHAIN_REVERTED",
      action: `creation of the ${what}`,
      reason: `transaction ${hash} failed`,
    });
  }
  return receipt.contractAddress;
}

export interface Funding {
  readonly party: Uint8Array;
  readonly tokens: bigint;
  /** Native coin for fees, in wei. */
  readonly wei: bigint;
}

const TRANSFER_GAS = 100_000n;

/** Hands out tokens and fees from `privateKey`'s account; resolves when all are included. */
export async function fund(
  rpcUrl: string,
  token: Address,
  privateKey: Uint8Array,
  list: readonly Funding[],
): Promise<void> {
  const rpc = createPublicClient({ transport: http(rpcUrl), pollingInterval: 50, cacheTime: 0 });
  const transactor = createTransactor(rpc, privateKey);
  const sent: Promise<Hex>[] = [];
  for (const { party, tokens, wei } of list) {
    if (wei > 0n)
      sent.push(transactor.sendRaw({ to: toHex(party), value: wei, gas: TRANSFER_GAS }));
    if (tokens > 0n) {
      const data = transferData(party, tokens);
      sent.push(transactor.sendRaw({ to: token, data, gas: TRANSFER_GAS }));
    }
  }
  const receipts = await Promise.all(
    (await Promise.all(sent)).map((hash) => rpc.waitForTransactionReceipt({ hash })),
  );
  const failed = receipts.find(({ status }) => status !== "success");
  if (failed === undefined) return;
  const reason = `transaction ${failed.transactionHash} reverted: does the account hold as much?`;
  throw new ChainError({ code: "CHAIN_REVERTED", action: "a transfer", reason });
}

/** ERC-20 `transfer(address,uint256)`. */
const transferData = (party: Uint8Array, amount: bigint): Hex =>
  `0xa9059cbb${encodeAbiParameters(
    [{ type: "address" }, { type: "uint256" }],
    [toHex(party), amount],
  ).slice(2)}`;
