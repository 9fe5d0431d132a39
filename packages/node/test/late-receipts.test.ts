/** Receipts that did not come where they were due: asked for again, and read from the chain. */

import type { ChainClient } from "@assay/chain";
import {
  bytesToHex,
  type Message,
  orderHash,
  type ReceiptFile,
  ROLES,
  RPC_CODES,
  receiptHash,
  signTyped,
} from "@assay/wire";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { encodeDraft } from "../src/gateway/draft.ts";
import { followLateReceipts, type LateReceipts } from "../src/gateway/late-receipts.ts";
import { createReceiptShelf, type OrderBook, openOrderBook } from "../src/gateway/order-book.ts";
import { judgeReceipt, type ReceiptJudge } from "../src/gateway/verify-answer.ts";
import type { Call, Link } from "../src/mesh/link.ts";
import type { Peer } from "../src/mesh/peers.ts";
import { openTestDatabase } from "./support/database.ts";
import { demoModels } from "./support/demo.ts";
import { eventually, pause } from "./support/eventually.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { deliverySignatureOf, makeReceiptFile, random32 } from "./support/receipts.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let client: ChainClient;

beforeAll(async () => {
  chain = await startTestChain({ windowBlocks: 20n, withdrawBlocks: 120n });
  client = await chain.party("client");
}, 60_000);
afterAll(() => chain.stop());

interface Desk {
  readonly book: OrderBook;
  readonly late: LateReceipts;
  readonly judge: ReceiptJudge;
  readonly banned: Uint8Array[];
  readonly reports: () => number;
  state(file: ReceiptFile): Promise<string | undefined>;
  files(file: ReceiptFile): Promise<number>;
}

/** A gateway's desk with its book, and the chain before it. */
async function openDesk(running: (hash: Uint8Array) => boolean = () => false): Promise<Desk> {
  const database = await openTestDatabase();
  const book = await openOrderBook(database);
  const shelf = createReceiptShelf(database);
  const stopping = new AbortController();
  const banned: Uint8Array[] = [];
  let reports = 0;
  const judge: ReceiptJudge = {
    models: demoModels(),
    payer: { domain: client.domain, address: client.address },
    book,
    standing: { ban: (worker) => banned.push(worker), isBanned: () => false },
    report: () => {
      reports += 1;
    },
    settled: () => undefined,
    log: quietLog,
  };
  const late = followLateReceipts(
    {
      book,
      shelf,
      judge,
      chain: client,
      isRunning: running,
      log: quietLog,
      signal: stopping.signal,
    },
    await client.blockNumber(),
  );
  onTestFinished(async () => {
    stopping.abort();
    await late.done;
  });
  return {
    book,
    late,
    judge,
    banned,
    reports: () => reports,
    state: async (file) => (await book.find(orderHash(file.order)))?.state,
    files: async (file) => (await shelf.ofOrder(orderHash(file.order))).length,
  };
}

/** An order of the client's of which these tokens were acknowledged, and no receipt came. */
async function begin({ book }: Desk, file: ReceiptFile): Promise<void> {
  const hash = orderHash(file.order);
  const { receipt: _receipt, receiptSignature: _signature, output, ...draft } = file;
  await book.placed({ hash, worker: file.order.worker, sequence: file.order.sequence });
  await book.started(hash, encodeDraft(draft));
  await book.delivered(hash, output);
}

function peerThat(worker: string, ...answers: readonly (Message | undefined)[]) {
  const asked: Message[] = [];
  const gone = Promise.withResolvers<void>();
  onTestFinished(() => gone.resolve());
  const link: Link = {
    peer: worker,
    peerBytes: new Uint8Array(),
    closed: gone.promise,
    close: () => undefined,
    call(first) {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(first);
      const call: Call = {
        id: 1,
        send: (message) => asked.push(message),
        next: async () => answer,
        close: () => undefined,
      };
      return call;
    },
  };
  const hello = {
    address: addressNamed(worker),
    roles: ROLES.worker,
    programs: [],
    freeSlots: 0,
    signature: new Uint8Array(65),
  };
  const peer: Peer = { link, hello };
  return { peer, asked };
}

const doneOf = ({ receipt, receiptSignature: signature }: ReceiptFile): Message => ({
  type: "done",
  receipt,
  signature,
});
const refusal = (code: keyof typeof RPC_CODES): Message => ({
  type: "refuse",
  code: RPC_CODES[code],
  text: "no",
});

describe("a worker that is met again", () => {
  test("is offered the same order, and its receipt is taken as if it had come in time", async () => {
    const desk = await openDesk();
    const file = makeReceiptFile({ domain: client.domain });
    await begin(desk, file);
    const { peer, asked } = peerThat("worker", refusal("busy"), doneOf(file));
    desk.late.met(peer);
    await eventually("it is verified", async () => (await desk.state(file)) === "verified");
    const { order, orderSignature: signature } = file;
    expect(asked).toEqual([
      { type: "offer", order, signature },
      { type: "offer", order, signature },
    ]);
    expect((await desk.book.find(orderHash(order)))?.price).toBe(file.receipt.price.toString());
  });

  test("has signed a fraud: it is found now, too", async () => {
    const desk = await openDesk();
    const file = makeReceiptFile({ domain: client.domain, receipt: { traceRoot: random32() } });
    await begin(desk, file);
    desk.late.met(peerThat("worker", doneOf(file)).peer);
    await eventually("it is rejected", async () => (await desk.state(file)) === "rejected");
    expect(desk.banned).toEqual([addressNamed("worker")]);
    expect(desk.reports()).toBe(1);
  });

  test.each([
    ["has none, and says so", refusal("invalidOrder"), "failed"],
    ["never saw the order", undefined, "started"],
    ["is still at it", refusal("busy"), "started"],
  ])("%s", async (_what, answer, state) => {
    const desk = await openDesk();
    const file = makeReceiptFile({ domain: client.domain });
    await begin(desk, file);
    desk.late.met(peerThat("worker", answer).peer);
    await pause(300);
    expect(await desk.state(file)).toBe(state);
  });

  test("takes the order only now: it is told to stop, and owed nothing", async () => {
    const desk = await openDesk();
    const file = makeReceiptFile({ domain: client.domain });
    await begin(desk, file);
    const { peer, asked } = peerThat("worker", {
      type: "accept",
      workerNonce: random32(),
      signature: new Uint8Array(65),
      outputSalt: random32(),
    });
    desk.late.met(peer);
    await eventually("it is over", async () => (await desk.state(file)) === "failed");
    expect(asked.at(-1)).toEqual({ type: "cancel" });
  });

  test("is not asked about an order that is being run", async () => {
    const desk = await openDesk(() => true);
    const file = makeReceiptFile({ domain: client.domain });
    await begin(desk, file);
    const { peer, asked } = peerThat("worker", doneOf(file));
    desk.late.met(peer);
    await pause(200);
    expect(asked).toEqual([]);
  });
});

let workers = 0;

/** A staked worker's name, with a channel from the client. */
async function stakedWorker(): Promise<{ readonly name: string; readonly account: ChainClient }> {
  const name = `publisher ${++workers}`;
  const account = await chain.party(name);
  await account.ensureStake(await account.minStake());
  await client.ensureChannel(account.address, 1_000_000n);
  return { name, account };
}

const publish = (account: ChainClient, file: ReceiptFile) =>
  account.publish(
    file,
    {
      orderHash: orderHash(file.order),
      outputTokens: file.receipt.outputTokens,
      outputCommitment: file.receipt.outputCommitment,
    },
    deliverySignatureOf(file),
  );

describe("a receipt that is published instead of handed out", () => {
  test("and holds is owed like any other", async () => {
    const desk = await openDesk();
    const { name, account } = await stakedWorker();
    const file = makeReceiptFile({ domain: client.domain, worker: name });
    await begin(desk, file);
    await publish(account, file);
    await eventually("it is verified", async () => (await desk.state(file)) === "verified");
    expect(desk.banned).toEqual([]);
  });

  test("attack: a fraud that nobody was to see is found, and reported in time to be challenged", async () => {
    const desk = await openDesk();
    const { name, account } = await stakedWorker();
    const receipt = { traceRoot: random32() };
    const file = makeReceiptFile({ domain: client.domain, worker: name, receipt });
    await begin(desk, file);
    await publish(account, file);
    await eventually("it is rejected", async () => (await desk.state(file)) === "rejected");
    expect(desk.banned).toEqual([account.address]);
    expect(desk.reports()).toBe(1);
    expect(await client.orderState(orderHash(file.order))).toBe("open");
  });

  test("and is the one that was handed out changes nothing", async () => {
    const desk = await openDesk();
    const { name, account } = await stakedWorker();
    const file = makeReceiptFile({ domain: client.domain, worker: name });
    await begin(desk, file);
    await judgeReceipt(desk.judge, file, false);
    await publish(account, file);
    await pause(500);
    expect(desk.banned).toEqual([]);
    expect(await account.stakeOf(account.address)).toBe(await account.minStake());
  });

  test("attack: another one than was handed out costs its worker the stake", async () => {
    const desk = await openDesk();
    const { name, account } = await stakedWorker();
    const file = makeReceiptFile({ domain: client.domain, worker: name });
    await begin(desk, file);
    await judgeReceipt(desk.judge, file, false);
    const receipt = { ...file.receipt, completedAt: file.receipt.completedAt - 1n };
    const receiptSignature = signTyped(keyOf(name), client.domain, receiptHash(receipt));
    await publish(account, { ...file, receipt, receiptSignature });
    await eventually("it is slashed", async () => (await account.stakeOf(account.address)) === 0n);
    expect(await client.orderState(orderHash(file.order))).toBe("void");
    expect(desk.banned.map(bytesToHex)).toContain(bytesToHex(account.address));
    // What was verified stays verified: the answer was right.
    expect(await desk.state(file)).toBe("verified");
    expect(await desk.files(file)).toBe(1);
  });

  test("for an order that was given up counts after all, if it holds", async () => {
    const desk = await openDesk();
    const { name, account } = await stakedWorker();
    const file = makeReceiptFile({ domain: client.domain, worker: name });
    await begin(desk, file);
    await desk.book.failed(orderHash(file.order), "the connection was lost");
    await publish(account, file);
    await eventually("it is verified", async () => (await desk.state(file)) === "verified");
  });
});
