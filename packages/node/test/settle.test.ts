/** Getting paid, on a real chain and a real database, with the process killed at every step. */

import { join } from "node:path";
import { type ChainClient, connectChain } from "@assay/chain";
import { type ReceiptFile, receiptHash, signTyped } from "@assay/wire";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Database, openDatabase } from "../src/store/database.ts";
import { createJobs } from "../src/worker/jobs.ts";
import { settleOnce } from "../src/worker/settle.ts";
import { testFolder } from "./support/folder.ts";
import { keyOf } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { makeReceiptFile, random32 } from "./support/receipts.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

/** Half a second. */
const WINDOW = 10n;

let chain: TestChain;
let client: ChainClient;

beforeAll(async () => {
  // Longer than what passes by itself, a block a second, while a test looks at what is not yet due.
  chain = await startTestChain({ windowBlocks: WINDOW });
  client = await chain.party("client");
}, 60_000);

afterAll(() => chain.stop());

interface Shop {
  readonly worker: string;
  readonly chain: ChainClient;
  readonly path: string;
  /** A new process: nothing in memory, the same file, a new connection. */
  restart(): Promise<{ readonly database: Database; readonly chain: ChainClient }>;
}

let shops = 0;

/** A worker of its own with stake and, from the client, a channel of this size. */
async function openShop(channel = 1_000_000n): Promise<Shop> {
  const worker = `worker ${++shops}`;
  const account = await chain.party(worker);
  await account.ensureStake(await account.minStake());
  if (channel > 0n) await client.ensureChannel(account.address, channel);
  const path = join(testFolder(), "worker.sqlite");
  return {
    worker,
    chain: account,
    path,
    async restart() {
      const database = openDatabase(path);
      onTestFinished(() => database.destroy());
      return { database, chain: await connectChain(chain.network, keyOf(worker)) };
    },
  };
}

/** Stores receipts as a worker does that has just made them. */
async function work(shop: Shop, count: number, clientName = "client"): Promise<ReceiptFile[]> {
  const database = openDatabase(shop.path);
  const jobs = createJobs(database);
  const files = Array.from({ length: count }, () =>
    makeReceiptFile({ domain: shop.chain.domain, worker: shop.worker, client: clientName }),
  );
  for (const { order, orderSignature, workerNonce, receipt, ...file } of files) {
    const { orderHash } = receipt;
    await jobs.accept({ orderHash, order, signature: orderSignature, workerNonce });
    const signature = file.receiptSignature;
    await jobs.finish({ orderHash, receipt, signature, outputSalt: file.outputSalt });
  }
  await database.destroy();
  return files;
}

const round = (process: { database: Database; chain: ChainClient }): Promise<void> =>
  settleOnce({ ...process, log: quietLog, signal: new AbortController().signal });

const priceOf = (files: readonly ReceiptFile[]): bigint =>
  files.reduce((sum, { receipt }) => sum + receipt.price, 0n);

/** Rounds with blocks in between, as many as an undisturbed settlement takes. */
async function settle(process: { database: Database; chain: ChainClient }): Promise<void> {
  await round(process);
  await chain.mine(Number(WINDOW));
  await round(process);
  await round(process);
}

const balance = (shop: Shop): Promise<bigint> => shop.chain.tokenBalance(shop.chain.address);

const states = async ({ database }: { database: Database }): Promise<readonly string[]> =>
  (await database.selectFrom("jobs").select("state").orderBy("created_at").execute()).map(
    ({ state }) => state,
  );

describe("an undisturbed settlement", () => {
  test("posts, waits out the window, claims, withdraws", async () => {
    const shop = await openShop();
    const files = await work(shop, 3);
    const before = await balance(shop);
    const process = await shop.restart();
    await round(process);
    expect(await states(process)).toEqual(["posted", "posted", "posted"]);
    await round(process);
    expect(await balance(shop)).toBe(before);
    await chain.mine(Number(WINDOW));
    await round(process);
    expect(await balance(shop)).toBe(before + priceOf(files));
    await round(process);
    expect(await states(process)).toEqual(["claimed", "claimed", "claimed"]);
    expect(await client.channelBalance(client.address, shop.chain.address)).toBe(
      1_000_000n - priceOf(files),
    );
  });

  test("a round without anything to do sends nothing", async () => {
    const shop = await openShop();
    await work(shop, 1);
    const process = await shop.restart();
    await settle(process);
    const nonce = () =>
      shop.chain.rpc.getTransactionCount({ address: `0x${hex(shop.chain.address)}` });
    const sent = await nonce();
    for (let i = 0; i < 3; i++) await round(process);
    expect(await nonce()).toBe(sent);
  });

  test("more receipts than one batch holds are all paid", async () => {
    const shop = await openShop();
    const files = await work(shop, 70);
    const before = await balance(shop);
    const process = await shop.restart();
    await round(process);
    await settle(process);
    expect(await balance(shop)).toBe(before + priceOf(files));
  });
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

class Killed extends Error {}

/** The client of a process that is killed right before or right after it sends this. */
function killedAt(
  account: ChainClient,
  step: "postBatch" | "claim" | "withdraw",
  when: "before" | "after",
): ChainClient {
  return {
    ...account,
    [step]: async (...args: never[]) => {
      if (when === "after") await Reflect.apply(account[step], account, args);
      throw new Killed(`${when} ${step}`);
    },
  };
}

describe("killed at a step, and started again over the same database", () => {
  const steps = ["postBatch", "claim", "withdraw"] as const;
  const moments = steps.flatMap((step) => [[step, "before"] as const, [step, "after"] as const]);

  test.each(moments)("%s, right %s it was sent: paid once, nothing lost", async (step, when) => {
    const shop = await openShop();
    const files = await work(shop, 2);
    const before = await balance(shop);
    const process = await shop.restart();
    if (step !== "postBatch") {
      await round(process);
      await chain.mine(Number(WINDOW));
    }
    const dying = { ...process, chain: killedAt(process.chain, step, when) };
    await expect(round(dying)).rejects.toThrow(Killed);
    const more = await work(shop, 1);
    await settle(await shop.restart());
    await round(await shop.restart());
    expect(await balance(shop)).toBe(before + priceOf([...files, ...more]));
    expect(await states(await shop.restart())).toEqual(["claimed", "claimed", "claimed"]);
  });
});

/** Signs a second receipt for each order, and has it proven: the orders are void, the stake is gone. */
async function equivocate(shop: Shop, files: readonly ReceiptFile[]): Promise<void> {
  for (const { order, receipt, receiptSignature } of files) {
    const rival = { ...receipt, traceRoot: random32() };
    const signature = signTyped(keyOf(shop.worker), shop.chain.domain, receiptHash(rival));
    const first = { receipt, signature: receiptSignature };
    await client.proveEquivocation(order, first, { receipt: rival, signature });
  }
}

describe("what cannot be settled does not hold up the rest", () => {
  test("a receipt whose channel is too small; it is paid once the channel is filled", async () => {
    const shop = await openShop();
    const poor = await chain.party("poor client");
    const first = await work(shop, 1);
    const unpaid = await work(shop, 2, "poor client");
    const last = await work(shop, 1);
    const before = await balance(shop);
    const process = await shop.restart();
    await settle(process);
    expect(await balance(shop)).toBe(before + priceOf([...first, ...last]));
    await poor.ensureChannel(shop.chain.address, 1_000_000n);
    await round(process);
    expect(await balance(shop)).toBe(before + priceOf([...first, ...unpaid, ...last]));
  });

  test("a receipt that is void, because its worker signed two", async () => {
    const shop = await openShop();
    const [voided, ...paid] = await work(shop, 2);
    if (voided === undefined) throw new Error("two receipts");
    const process = await shop.restart();
    await round(process);
    await equivocate(shop, [voided]);
    const before = await balance(shop);
    await chain.mine(Number(WINDOW));
    await round(process);
    await round(process);
    expect(await balance(shop)).toBe(before + priceOf(paid));
    expect((await states(process)).toSorted()).toEqual(["claimed", "void"]);
  });

  test("a batch that can no longer be posted, because the stake is gone", async () => {
    const shop = await openShop();
    const posted = await work(shop, 2);
    const process = await shop.restart();
    await round(process);
    await equivocate(shop, await work(shop, 1));
    expect(await shop.chain.isActive(shop.chain.address)).toBe(false);
    const before = await balance(shop);
    await chain.mine(Number(WINDOW));
    await expect(round(process)).rejects.toThrow(/NotActive/);
    expect(await balance(shop)).toBe(before + priceOf(posted));
  });
});
