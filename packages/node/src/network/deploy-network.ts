/** A network of one's own, on any EVM chain: contracts, a model's name, and the file that others join by. */

import { ChainError, connectChain, type NetworkFile, openChain, toHex } from "@assay/chain";
import {
  deployContracts,
  fund,
  surveyChain,
  type Terms,
  type TermsWish,
  termsFor,
} from "@assay/chain/deployment";
import { programRootOfFile } from "../models.ts";
import type { LocalModel } from "./local.ts";

export interface DeployNetworkOptions {
  readonly rpc: string;
  readonly privateKey: Uint8Array;
  /** Times in seconds; the chain's own block time is measured where it is left out. */
  readonly wish: Omit<TermsWish, "blockSeconds"> & { readonly blockSeconds: number | undefined };
  /** The ERC-20 that pays; a test token that belongs to the deployer is made when absent. */
  readonly token?: `0x${string}`;
  /** Registered under its name. */
  readonly model: LocalModel;
  readonly onProgress?: (text: string) => void;
  /** The contracts are there, and paid for: called before anything else can fail. */
  readonly onDeployed: (network: NetworkFile) => void;
}

export interface DeployedNetwork {
  readonly network: NetworkFile;
  readonly terms: Terms;
}

/** @throws {ChainError} where the key is a well-known one, or its account cannot pay */
export async function deployNetwork(options: DeployNetworkOptions): Promise<DeployedNetwork> {
  const { rpc, privateKey, token, model, onProgress = () => undefined } = options;
  // Before anything is paid for.
  const root = programRootOfFile(model.path);
  const survey = await surveyChain(rpc);
  const { chainId } = survey;
  const blockSeconds = options.wish.blockSeconds ?? survey.blockSeconds;
  if (blockSeconds === undefined) throw new ChainError({ code: "CHAIN_BLOCK_TIME", chainId });
  const terms = termsFor({ ...options.wish, blockSeconds });
  onProgress(`deploying to chain ${chainId}, whose blocks take ${blockSeconds.toFixed(2)} s`);
  const contracts = await deployContracts({
    rpc,
    privateKey,
    terms,
    ...(token === undefined ? {} : { token }),
  });
  const network: NetworkFile = { version: 1, chainId, rpc, contracts, bootstrap: [] };
  options.onDeployed(network);
  onProgress(`registering the model ${model.name}`);
  const client = await connectChain(network, privateKey);
  await client.registerModel(root, model.name);
  return { network, terms };
}

/** An account on a network: what it holds, and what it has staked. */
export interface Account {
  readonly address: string;
  readonly chainId: number;
  readonly token: string;
  /** Base units, and wei. */
  readonly tokens: bigint;
  readonly coins: bigint;
  readonly staked: bigint;
}

export async function accountOn(network: NetworkFile, party: Uint8Array): Promise<Account> {
  const chain = await openChain(network);
  const [tokens, coins, staked] = await Promise.all([
    chain.tokenBalance(party),
    chain.coinBalance(party),
    chain.stakeOf(party),
  ]);
  const { chainId, contracts } = network;
  return { address: toHex(party), chainId, token: contracts.token, tokens, coins, staked };
}

/** Sends tokens and coins from a key's account. @throws {ChainError} also where a transfer reverts */
export async function send(
  network: NetworkFile,
  privateKey: Uint8Array,
  to: { readonly party: Uint8Array; readonly tokens: bigint; readonly wei: bigint },
): Promise<void> {
  // Refuses well-known keys where money may be real.
  await connectChain(network, privateKey);
  await fund(network.rpc, network.contracts.token, privateKey, [to]);
}
