import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addressOf,
  deliveryHash,
  keccak256,
  type Order,
  orderHash,
  priceOf,
  type Receipt,
  receiptHash,
  sha256,
  signTyped,
  type Voucher,
  voucherHash,
} from "@assay/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DEVELOPMENT_CHAIN_ID,
  DEVELOPMENT_TERMS,
  type DevelopmentChain,
  deployContracts,
  FAUCET_KEY,
  fund,
  startDevelopmentChain,
  TOKEN,
} from "../src/deployment.ts";
import {
  type ChainClient,
  ChainError,
  connectChain,
  findPayment,
  followPublications,
  type NetworkFile,
  type PublishedReceipt,
  type SignedVoucher,
} from "../src/index.ts";

const key = (name: string): Uint8Array => sha256(new TextEncoder().encode(name));
const WORKER = key("worker");
const CLIENT = key("client");

const PROMPT_PRICE = TOKEN / 100n;

/** An order of the client's, and the worker's receipt for it. */
function work(sequence: bigint) {
  const order: Order = {
    programRoot: keccak256(Uint8Array.of(1)),
    client: client.address,
    worker: worker.address,
    sequence,
    inputCommitment: keccak256(Uint8Array.of(2)),
    promptTokens: 3,
    maxTokens: 5,
    invTemperature: 0,
    topP: 65_536,
    seedSource: 0,
    clientSeed: 0n,
    nonceHash: keccak256(Uint8Array.of(3)),
    promptPrice: PROMPT_PRICE,
    outputPrice: PROMPT_PRICE,
    deadline: 4_000_000_000n,
    salt: sha256(Uint8Array.of(Number(sequence))),
  };
  const receipt: Receipt = {
    orderHash: orderHash(order),
    programRoot: order.programRoot,
    worker: order.worker,
    seed: keccak256(Uint8Array.of(4)),
    inputCommitment: order.inputCommitment,
    outputCommitment: keccak256(Uint8Array.of(5)),
    promptTokens: 3,
    outputTokens: 2,
    finishReason: 1,
    price: priceOf(order, 3, 2),
    completedAt: 3_999_999_999n,
    traceRoot: keccak256(Uint8Array.of(6)),
  };
  const orderSignature = signTyped(CLIENT, client.domain, orderHash(order));
  const receiptSignature = signTyped(WORKER, client.domain, receiptHash(receipt));
  return { order, orderSignature, receipt, receiptSignature };
}

function voucherOf(settledBelow: bigint, amount: bigint): SignedVoucher {
  const voucher: Voucher = {
    client: client.address,
    worker: worker.address,
    settledBelow,
    amount,
  };
  return { voucher, signature: signTyped(CLIENT, client.domain, voucherHash(voucher)) };
}

async function reach(block: bigint): Promise<void> {
  while ((await worker.blockNumber()) + 1n < block) await new Promise((r) => setTimeout(r, 20));
}

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
    const batch = { leaves: [keccak256(Uint8Array.of(3))], vouchers: [] };
    const failure = client.postBatch(batch);
    await expect(failure).rejects.toThrow(ChainError);
    await expect(failure).rejects.toThrow(/NotActive/);
  });

  test("a voucher in a batch pays the worker when the window is over, and says so for its orders", async () => {
    const { order, receipt } = work(1n);
    const batch = { leaves: [receiptHash(receipt)], vouchers: [voucherOf(2n, receipt.price)] };
    expect(await worker.payableFrom(worker.address, batch)).toBeUndefined();
    const posted = await worker.postBatch(batch);
    const from = posted.block + DEVELOPMENT_TERMS.windowBlocks;
    expect(await worker.payableFrom(worker.address, batch)).toBe(from);
    const paid = () => findPayment(client, order, receiptHash(receipt), posted.block);
    expect(await paid()).toBeUndefined();
    await expect(worker.payBatch(batch)).rejects.toThrow(/WindowOpen/);
    await reach(from);
    const before = await worker.tokenBalance(worker.address);
    const { hash, block } = await worker.payBatch(batch);
    expect(await worker.tokenBalance(worker.address)).toBe(before + receipt.price);
    expect(await paid()).toEqual({ by: "voucher", amount: receipt.price, hash, block });
    expect(await client.channelOf(client.address, worker.address)).toMatchObject({
      paid: receipt.price,
      settledBelow: 2n,
      balance: 7n * TOKEN - receipt.price,
    });
    expect(
      await findPayment(client, { ...order, sequence: 2n }, keccak256(Uint8Array.of(0)), 0n),
    ).toBeUndefined();
  });

  test("a receipt without a voucher is published, seen by its client, and paid four windows later", async () => {
    const signed = work(2n);
    const { order, receipt } = signed;
    const delivery = {
      orderHash: orderHash(order),
      outputTokens: receipt.outputTokens,
      outputCommitment: receipt.outputCommitment,
    };
    const signature = signTyped(CLIENT, client.domain, deliveryHash(delivery));
    expect(await client.publicationOf(orderHash(order))).toBeUndefined();
    const stop = new AbortController();
    const { promise: seen, resolve } = Promise.withResolvers<PublishedReceipt>();
    const following = followPublications(client, {
      fromBlock: await client.blockNumber(),
      pollMs: 20,
      onPublished: resolve,
      signal: stop.signal,
    });
    const { block } = await worker.publish(signed, delivery, signature);
    const payableFrom = block + 4n * DEVELOPMENT_TERMS.windowBlocks;
    expect(await seen).toEqual({
      client: client.address,
      receipt,
      signature: signed.receiptSignature,
      payableFrom,
    });
    stop.abort();
    await following;
    expect(await client.publicationOf(orderHash(order))).toEqual({
      receiptHash: receiptHash(receipt),
      payableFrom,
    });
    await expect(worker.payPublished(order, receipt)).rejects.toThrow(/WindowOpen/);
    await reach(payableFrom);
    const paid = await worker.payPublished(order, receipt);
    expect(await findPayment(client, order, receiptHash(receipt), block)).toEqual({
      by: "receipt",
      amount: receipt.price,
      ...paid,
    });
    expect(await client.orderState(orderHash(order))).toBe("paid");
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
    expect(await again.channelBalance(client.address, worker.address)).toBe(
      7n * TOKEN - 10n * PROMPT_PRICE,
    );
  });
});
