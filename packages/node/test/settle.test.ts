/** Getting paid, on a real chain and a real database, with the process killed at every step. */

import { type ChainClient, connectChain } from "@assay/chain";
import { type ReceiptFile, receiptHash, signTyped, type Voucher, voucherHash } from "@assay/wire";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createExclusive } from "../src/exclusive.ts";
import { type Database, openDatabase } from "../src/store/database.ts";
import { createJobs } from "../src/worker/jobs.ts";
import { settleOnce } from "../src/worker/settle.ts";
import { takeVoucher } from "../src/worker/vouchers.ts";
import { newPlace } from "./support/database.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { deliverySignatureOf, makeReceiptFile, random32 } from "./support/receipts.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

/** Half a second. */
const WINDOW = 10n;
const PATIENT = 3_600_000;
const CHANNEL = 1_000_000n;

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
  /** As the process that runs has it open. */
  database(): Promise<Database>;
  /** A new process: nothing in memory, the same database, a new connection. */
  restart(): Promise<Process>;
}

interface Process {
  readonly database: Database;
  readonly chain: ChainClient;
}

let shops = 0;

/** A worker of its own with stake and, from the client, a channel of this size. */
async function openShop(channel = CHANNEL): Promise<Shop> {
  const worker = `worker ${++shops}`;
  const account = await chain.party(worker);
  await account.ensureStake(await account.minStake());
  if (channel > 0n) await client.ensureChannel(account.address, channel);
  const place = await newPlace();
  let open: Database | undefined;
  const shop: Shop = {
    worker,
    chain: account,
    async database() {
      open ??= await openDatabase(place);
      return open;
    },
    async restart() {
      await open?.destroy();
      open = undefined;
      const database = await shop.database();
      return { database, chain: await connectChain(chain.network, keyOf(worker)) };
    },
  };
  onTestFinished(() => open?.destroy());
  return shop;
}

/** Stores receipts as a worker does that has just made them. */
async function work(shop: Shop, count: number, clientName = "client"): Promise<ReceiptFile[]> {
  const database = await shop.database();
  const jobs = createJobs(database);
  const files = Array.from({ length: count }, () =>
    makeReceiptFile({ domain: shop.chain.domain, worker: shop.worker, client: clientName }),
  );
  for (const file of files) {
    const { order, orderSignature, workerNonce, receipt, outputSalt } = file;
    const { orderHash } = receipt;
    await jobs.accept({ orderHash, order, signature: orderSignature, workerNonce, outputSalt });
    const signature = file.receiptSignature;
    const deliverySignature = deliverySignatureOf(file, clientName);
    await jobs.finish({ orderHash, receipt, signature, deliverySignature });
  }
  return files;
}

/** The client's voucher for all these, and all before, as the worker takes it. */
async function grant(
  shop: Shop,
  amount: bigint,
  last: ReceiptFile | undefined,
  clientName = "client",
): Promise<void> {
  const voucher: Voucher = {
    client: addressNamed(clientName),
    worker: shop.chain.address,
    settledBelow: (last?.order.sequence ?? 0n) + 1n,
    amount,
  };
  const database = await shop.database();
  const answer = await takeVoucher(
    {
      database,
      jobs: createJobs(database),
      address: shop.chain.address,
      domain: shop.chain.domain,
      exclusive: createExclusive(),
      onGranted: () => undefined,
    },
    { voucher, signature: signTyped(keyOf(clientName), shop.chain.domain, voucherHash(voucher)) },
  );
  expect(answer).toEqual({ type: "ok" });
}

async function grantedWork(shop: Shop, count: number, before: readonly ReceiptFile[] = []) {
  const files = await work(shop, count);
  await grant(shop, priceOf([...before, ...files]), files.at(-1));
  return files;
}

const round = (process: Process, voucherPatienceMs = PATIENT): Promise<void> =>
  settleOnce({
    ...process,
    log: quietLog,
    signal: new AbortController().signal,
    voucherPatienceMs,
  });

const priceOf = (files: readonly ReceiptFile[]): bigint =>
  files.reduce((sum, { receipt }) => sum + receipt.price, 0n);

/** Rounds with blocks in between, as many as an undisturbed settlement takes. */
async function settle(process: Process): Promise<void> {
  await round(process);
  await chain.mine(Number(WINDOW));
  await round(process);
  await round(process);
}

const balance = (shop: Shop): Promise<bigint> => shop.chain.tokenBalance(shop.chain.address);

const states = async ({ database }: { database: Database }): Promise<readonly string[]> =>
  (await database.selectFrom("jobs").select("state").orderBy("sequence").execute()).map(
    ({ state }) => state,
  );

describe("an undisturbed settlement", () => {
  test("posts what a voucher covers, waits out the window, is paid by the voucher", async () => {
    const shop = await openShop();
    const files = await grantedWork(shop, 3);
    const before = await balance(shop);
    const process = await shop.restart();
    await round(process);
    expect(await states(process)).toEqual(["posted", "posted", "posted"]);
    await round(process);
    expect(await balance(shop)).toBe(before);
    await chain.mine(Number(WINDOW));
    await round(process);
    expect(await balance(shop)).toBe(before + priceOf(files));
    expect(await states(process)).toEqual(["paid", "paid", "paid"]);
    expect(await client.channelBalance(client.address, shop.chain.address)).toBe(
      CHANNEL - priceOf(files),
    );
  });

  test("waits for a voucher, and sends nothing meanwhile", async () => {
    const shop = await openShop();
    await work(shop, 2);
    const process = await shop.restart();
    const sent = await nonceOf(shop);
    await round(process);
    expect(await states(process)).toEqual(["done", "done"]);
    expect(await nonceOf(shop)).toBe(sent);
  });

  test("a round without anything to do sends nothing", async () => {
    const shop = await openShop();
    await grantedWork(shop, 1);
    const process = await shop.restart();
    await settle(process);
    const sent = await nonceOf(shop);
    for (let i = 0; i < 3; i++) await round(process);
    expect(await nonceOf(shop)).toBe(sent);
  });

  test("later vouchers pay what they grant beyond the earlier", async () => {
    const shop = await openShop();
    const before = await balance(shop);
    const first = await grantedWork(shop, 2);
    const process = await shop.restart();
    await settle(process);
    const second = await grantedWork(shop, 3, first);
    await settle(process);
    expect(await balance(shop)).toBe(before + priceOf([...first, ...second]));
  });

  test("two clients' vouchers are in one batch", async () => {
    const shop = await openShop();
    const other = await chain.party("second client");
    await other.ensureChannel(shop.chain.address, CHANNEL);
    const [ours, theirs] = [await work(shop, 1), await work(shop, 2, "second client")];
    await grant(shop, priceOf(ours), ours.at(-1));
    await grant(shop, priceOf(theirs), theirs.at(-1), "second client");
    const before = await balance(shop);
    const process = await shop.restart();
    const sent = await nonceOf(shop);
    await settle(process);
    expect(await balance(shop)).toBe(before + priceOf([...ours, ...theirs]));
    expect(await nonceOf(shop)).toBe(sent + 2);
  });
});

const nonceOf = (shop: Shop): Promise<number> =>
  shop.chain.rpc.getTransactionCount({
    address: `0x${Buffer.from(shop.chain.address).toString("hex")}`,
  });

describe("attack: a client that withholds its voucher", () => {
  test("is paid for by publishing: the worker loses nothing but time", async () => {
    const shop = await openShop();
    const files = await work(shop, 2);
    const before = await balance(shop);
    const process = await shop.restart();
    await round(process, 0);
    expect(await states(process)).toEqual(["published", "published"]);
    await chain.mine(Number(WINDOW));
    await round(process, 0);
    expect(await balance(shop)).toBe(before);
    await chain.mine(3 * Number(WINDOW));
    await round(process, 0);
    expect(await balance(shop)).toBe(before + priceOf(files));
    expect(await states(process)).toEqual(["paid", "paid"]);
  });

  test("and gives it after all does not pay twice", async () => {
    const shop = await openShop();
    const files = await work(shop, 1);
    const before = await balance(shop);
    const process = await shop.restart();
    await round(process, 0);
    expect(await states(process)).toEqual(["published"]);
    await grant(shop, priceOf(files), files.at(-1));
    await chain.mine(4 * Number(WINDOW));
    for (let i = 0; i < 3; i++) {
      await round(process, 0);
      await chain.mine(Number(WINDOW));
    }
    expect(await balance(shop)).toBe(before + priceOf(files));
    expect(await states(process)).toEqual(["paid"]);
  });
});

class Killed extends Error {}

const STEPS = ["postBatch", "payBatch", "publish", "payPublished"] as const;
type Step = (typeof STEPS)[number];

/** The client of a process that is killed right before or right after it sends this. */
function killedAt(account: ChainClient, step: Step, when: "before" | "after"): ChainClient {
  return {
    ...account,
    [step]: async (...args: never[]) => {
      if (when === "after") await Reflect.apply(account[step], account, args);
      throw new Killed(`${when} ${step}`);
    },
  };
}

describe("killed at a step, and started again over the same database", () => {
  const moments = STEPS.flatMap((step) => [[step, "before"] as const, [step, "after"] as const]);

  test.each(moments)("%s, right %s it was sent: paid once, nothing lost", async (step, when) => {
    const shop = await openShop();
    const published = step === "publish" || step === "payPublished";
    const patience = published ? 0 : PATIENT;
    const files = published ? await work(shop, 2) : await grantedWork(shop, 2);
    const before = await balance(shop);
    const process = await shop.restart();
    if (step === "payBatch" || step === "payPublished") {
      await round(process, patience);
      await chain.mine(4 * Number(WINDOW));
    }
    const dying = { ...process, chain: killedAt(process.chain, step, when) };
    await expect(round(dying, patience)).rejects.toThrow(Killed);
    const more = published ? await work(shop, 1) : await grantedWork(shop, 1, files);
    for (let i = 0; i < 3; i++) {
      await round(await shop.restart(), patience);
      await chain.mine(4 * Number(WINDOW));
    }
    await round(await shop.restart(), patience);
    expect(await balance(shop)).toBe(before + priceOf([...files, ...more]));
    expect(await states(await shop.restart())).toEqual(["paid", "paid", "paid"]);
  });
});

/** Signs a second receipt for an order, and has it proven: the order is void, the stake gone, the channel forfeited. */
async function equivocate(shop: Shop, { order, receipt, receiptSignature }: ReceiptFile) {
  const rival = { ...receipt, traceRoot: random32() };
  const signature = signTyped(keyOf(shop.worker), shop.chain.domain, receiptHash(rival));
  const first = { receipt, signature: receiptSignature };
  await client.proveEquivocation(order, first, { receipt: rival, signature });
}

describe("what cannot be settled does not hold up the rest", () => {
  test("a voucher whose channel is too small; it pays the rest once the channel is filled", async () => {
    const shop = await openShop();
    const poor = await chain.party("poor client");
    const ours = await work(shop, 2);
    const theirs = await work(shop, 2, "poor client");
    await grant(shop, priceOf(ours), ours.at(-1));
    await grant(shop, priceOf(theirs), theirs.at(-1), "poor client");
    await poor.ensureChannel(shop.chain.address, 10n);
    const before = await balance(shop);
    const process = await shop.restart();
    await settle(process);
    expect(await balance(shop)).toBe(before + priceOf(ours) + 10n);
    expect((await states(process)).toSorted()).toEqual(["paid", "paid", "posted", "posted"]);
    await poor.ensureChannel(shop.chain.address, CHANNEL);
    await round(process);
    expect(await balance(shop)).toBe(before + priceOf([...ours, ...theirs]));
    expect(await states(process)).toEqual(["paid", "paid", "paid", "paid"]);
  });

  test("a fraud forfeits what its client has not paid yet, and nothing of another client", async () => {
    const shop = await openShop();
    const other = await chain.party("third client");
    await other.ensureChannel(shop.chain.address, CHANNEL);
    const ours = await grantedWork(shop, 2);
    const theirs = await work(shop, 1, "third client");
    await grant(shop, priceOf(theirs), theirs.at(-1), "third client");
    const process = await shop.restart();
    await round(process);
    const [fraud] = ours;
    if (fraud === undefined) throw new Error("two receipts");
    await equivocate(shop, fraud);
    const before = await balance(shop);
    await chain.mine(Number(WINDOW));
    await round(process);
    await round(process);
    expect(await balance(shop)).toBe(before + priceOf(theirs));
    expect(await states(process)).toEqual(["void", "void", "paid"]);
    // What is left is the client's.
    expect(await client.channelOf(client.address, shop.chain.address)).toMatchObject({
      forfeited: true,
      balance: CHANNEL,
    });
  });

  test("a receipt that was published and is void", async () => {
    const shop = await openShop();
    const [fraud] = await work(shop, 1);
    if (fraud === undefined) throw new Error("a receipt");
    const process = await shop.restart();
    await round(process, 0);
    await equivocate(shop, fraud);
    await round(process, 0);
    expect(await states(process)).toEqual(["void"]);
  });

  test("a batch that can no longer be posted, because the stake is gone", async () => {
    const shop = await openShop();
    const other = await chain.party("fourth client");
    await other.ensureChannel(shop.chain.address, CHANNEL);
    const posted = await work(shop, 1, "fourth client");
    await grant(shop, priceOf(posted), posted.at(-1), "fourth client");
    const process = await shop.restart();
    await round(process);
    const [fraud] = await grantedWork(shop, 1);
    if (fraud === undefined) throw new Error("a receipt");
    await equivocate(shop, fraud);
    expect(await shop.chain.isActive(shop.chain.address)).toBe(false);
    const before = await balance(shop);
    await chain.mine(Number(WINDOW));
    await expect(round(process)).rejects.toThrow(/NotActive/);
    expect(await balance(shop)).toBe(before + priceOf(posted));
  });
});
