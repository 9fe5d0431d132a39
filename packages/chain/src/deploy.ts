/** Deploys the contracts of one network (spec/04 §4.1) to any EVM chain, from one key. */

import { bytesToHex, sha256 } from "@assay/wire";
import {
  createPublicClient,
  encodeAbiParameters,
  encodeDeployData,
  type Hex,
  http,
  type PublicClient,
} from "viem";
import { ChainError } from "./chain-error.ts";
import { bytecodes } from "./generated/bytecodes.ts";
import { contracts } from "./generated/contracts.ts";
import { toHex } from "./hex.ts";
import type { Address, ContractName } from "./network-file.ts";
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

/** One token in base units: 18 decimals, as DevToken has. */
export const TOKEN = 10n ** 18n;

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

const DEPLOY_GAS = 14_000_000n;

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

/** Deploys and returns the addresses. @throws {ChainError} `CHAIN_REVERTED` when a creation fails. */
export async function deployContracts(
  options: DeployOptions,
): Promise<Readonly<Record<ContractName, Address>>> {
  const rpc = createPublicClient({
    transport: http(options.rpc),
    pollingInterval: 50,
    cacheTime: 0,
  });
  const transactor = createTransactor(rpc, options.privateKey);
  const create = (data: Hex): Promise<Hex> => transactor.sendRaw({ data, gas: DEPLOY_GAS });
  const sentToken =
    options.token === undefined
      ? create(
          encodeDeployData({
            abi: contracts.DevToken.abi,
            bytecode: bytecodes.DevToken,
            args: [DEVELOPMENT_SUPPLY],
          }),
        )
      : undefined;
  const sentModels = create(
    encodeDeployData({
      abi: contracts.ModelRegistry.abi,
      bytecode: bytecodes.ModelRegistry,
    }),
  );
  const token = options.token ?? (await created(rpc, "token", await sentToken));
  const deployment = await created(
    rpc,
    "contracts",
    await create(
      encodeDeployData({
        abi: contracts.Deployment.abi,
        bytecode: bytecodes.Deployment,
        args: [{ token, ...options.terms }],
      }),
    ),
  );
  const read = (functionName: "stake" | "escrow" | "settlement" | "court"): Promise<Address> =>
    rpc.readContract({ address: deployment, abi: contracts.Deployment.abi, functionName });
  const [stake, escrow, settlement, court, models] = await Promise.all([
    read("stake"),
    read("escrow"),
    read("settlement"),
    read("court"),
    sentModels.then((hash) => created(rpc, "model registry", hash)),
  ]);
  return { token, models, stake, escrow, settlement, court };
}

async function created(rpc: PublicClient, what: string, hash: Hex | undefined): Promise<Address> {
  if (hash === undefined) throw new TypeError("nothing was sent");
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
    sent.push(transactor.sendRaw({ to: toHex(party), value: wei, gas: TRANSFER_GAS }));
    sent.push(
      transactor.sendRaw({ to: token, data: transferData(party, tokens), gas: TRANSFER_GAS }),
    );
  }
  await Promise.all(
    (await Promise.all(sent)).map((hash) => rpc.waitForTransactionReceipt({ hash })),
  );
}

/** ERC-20 `transfer(address,uint256)`. */
const transferData = (party: Uint8Array, amount: bigint): Hex =>
  `0xa9059cbb${encodeAbiParameters(
    [{ type: "address" }, { type: "uint256" }],
    [toHex(party), amount],
  ).slice(2)}`;
