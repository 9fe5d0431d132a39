/** A real development chain with the contracts deployed and named parties funded. */

import { setTimeout as sleep } from "node:timers/promises";
import { type ChainClient, connectChain, type NetworkFile } from "@assay/chain";
import {
  DEVELOPMENT_CHAIN_ID,
  DEVELOPMENT_TERMS,
  deployContracts,
  FAUCET_KEY,
  fund,
  startDevelopmentChain,
  type Terms,
  TOKEN,
} from "@assay/chain/deployment";
import { removeFolder, temporaryFolder } from "./folder.ts";
import { addressNamed, keyOf } from "./keys.ts";

export interface TestChain {
  readonly network: NetworkFile;
  /** Gives each party tokens and fees, and connects the last of them. */
  party(name: string): Promise<ChainClient>;
  /** Lets `blocks` pass. */
  mine(blocks: number): Promise<void>;
  /** Away, with its state on disk: every request is refused until `comeBack`. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

const GRANT = 1_000n * TOKEN;

/** @param terms what differs from the development network's */
export async function startTestChain(terms: Partial<Terms> = {}): Promise<TestChain> {
  const directory = temporaryFolder();
  let chain = await startDevelopmentChain({ directory, blockSeconds: 0.05 });
  const contracts = await deployContracts({
    rpc: chain.url,
    privateKey: FAUCET_KEY,
    terms: { ...DEVELOPMENT_TERMS, ...terms },
  });
  const network: NetworkFile = {
    version: 1,
    chainId: DEVELOPMENT_CHAIN_ID,
    rpc: chain.url,
    contracts,
    bootstrap: [],
  };
  // One after the other: all grants are sent from the faucet's account.
  let faucet: Promise<unknown> = Promise.resolve();
  const grant = (party: Uint8Array, tokens: bigint, wei: bigint): Promise<void> => {
    const sent = faucet.then(() =>
      fund(chain.url, contracts.token, FAUCET_KEY, [{ party, tokens, wei }]),
    );
    faucet = sent;
    return sent;
  };
  return {
    network,
    async party(name) {
      await grant(addressNamed(name), GRANT, 10n ** 18n);
      return connectChain(network, keyOf(name));
    },
    async mine(blocks) {
      const reader = await connectChain(network, FAUCET_KEY);
      const until = (await reader.blockNumber()) + BigInt(blocks);
      while ((await reader.blockNumber()) < until) await sleep(10);
    },
    goAway: () => chain.stop(),
    async comeBack() {
      const port = Number(new URL(network.rpc).port);
      chain = await startDevelopmentChain({ directory, port, blockSeconds: 0.05 });
    },
    async stop() {
      await chain.stop();
      removeFolder(directory);
    },
  };
}
