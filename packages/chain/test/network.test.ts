import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressOf, keccak256, sha256 } from "@assay/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ChainClient,
  ChainError,
  connectChain,
  DEVELOPMENT_CHAIN_ID,
  DEVELOPMENT_TERMS,
  type DevelopmentChain,
  deployContracts,
  FAUCET_KEY,
  fund,
  type NetworkFile,
  startDevelopmentChain,
  TOKEN,
} from "../src/index.ts";

const key = (name: string): Uint8Array => sha256(new TextEncoder().encode(name));
const WORKER = key("worker");
const CLIENT = key("client");

let directory: string;
let chain: DevelopmentChain;
let network: NetworkFile;
let worker: ChainClient;
let client: ChainClient;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "assay-chain-"));
  chain = await startDevelopmentChain({ directory, blockSeconds: 0.05 });
  const contracts = await deployContracts({
    rpc: chain.url,
    privateKey: FAUCET_KEY,
    terms: DEVELOPMENT_TERMS,
  });
  network = {
    version: 1,
    chainId: DEVELOPMENT_CHAIN_ID,
    rpc: chain.url,
    contracts,
    bootstrap: [],
  };
  await fund(
    chain.url,
    contracts.token,
    FAUCET_KEY,
    [WORKER, CLIENT].map((k) => ({ party: addressOf(k), tokens: 1_000n * TOKEN, wei: 10n ** 18n })),
  );
  worker = await connectChain(network, WORKER);
  client = await connectChain(network, CLIENT);
}, 60_000);

afterAll(async () => {
  await chain.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe("the contracts on a development chain", () => {
  test("stake: bonds what is missing, once", async () => {
    const amount = await worker.minStake();
    expect(await worker.isActive(worker.address)).toBe(false);
    await worker.ensureStake(amount);
    await worker.ensureStake(amount);
    expect(await worker.stakeOf(worker.address)).toBe(amount);
    expect(await worker.isActive(worker.address)).toBe(true);
    expect(await worker.tokenBalance(worker.address)).toBe(1_000n * TOKEN - amount);
  });

  test("channel: fills up to the amount", async () => {
    await client.ensureChannel(worker.address, 5n * TOKEN);
    await client.ensureChannel(worker.address, 7n * TOKEN);
    expect(await worker.channelBalance(client.address, worker.address)).toBe(7n * TOKEN);
  });

  test("models: a name points at its root, and cannot be taken twice", async () => {
    const root = keccak256(Uint8Array.of(1));
    expect(await client.programOf("demo")).toBeUndefined();
    await client.registerModel(root, "demo");
    expect(await worker.programOf("demo")).toEqual(root);
    expect(await worker.nameOf(root)).toBe("demo");
    await expect(client.registerModel(keccak256(Uint8Array.of(2)), "demo")).rejects.toThrow(
      /NameTaken\(demo/,
    );
  });

  test("a batch by a party without stake is refused with the contract's own error", async () => {
    const batch = { leaves: [keccak256(Uint8Array.of(3))], total: 1n };
    const failure = client.postBatch(batch);
    await expect(failure).rejects.toThrow(ChainError);
    await expect(failure).rejects.toThrow(/NotActive/);
  });

  test("a batch can be claimed when the window is over", async () => {
    const batch = { leaves: [keccak256(Uint8Array.of(4))], total: 1n };
    expect(await worker.claimableFrom(worker.address, batch)).toBeUndefined();
    const posted = await worker.postBatch(batch);
    expect(await worker.claimableFrom(worker.address, batch)).toBe(
      posted.block + DEVELOPMENT_TERMS.windowBlocks,
    );
  });

  test("twenty transactions at once get twenty nonces", async () => {
    const roots = Array.from({ length: 20 }, (_, i) => keccak256(Uint8Array.of(9, i)));
    const sent = await Promise.all(roots.map((root, i) => client.registerModel(root, `m${i}`)));
    expect(new Set(sent.map(({ hash }) => hash)).size).toBe(20);
  });
});

describe("keys and chains", () => {
  test("a well-known development key is refused on another chain", async () => {
    await expect(connectChain({ ...network, chainId: 1 }, FAUCET_KEY)).rejects.toMatchObject({
      detail: { code: "CHAIN_DEVELOPMENT_KEY", chainId: 1 },
    });
  });

  test("an RPC of another chain is refused", async () => {
    await expect(connectChain({ ...network, chainId: 5 }, WORKER)).rejects.toMatchObject({
      detail: { code: "CHAIN_WRONG_ID", expected: 5, actual: DEVELOPMENT_CHAIN_ID },
    });
  });

  test("the chain's state survives a stop", async () => {
    await chain.stop();
    chain = await startDevelopmentChain({
      directory,
      port: Number(new URL(network.rpc).port),
    });
    const again = await connectChain(network, WORKER);
    expect(await again.channelBalance(client.address, worker.address)).toBe(7n * TOKEN);
  });
});
