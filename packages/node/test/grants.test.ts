/** What a gateway grants its workers: as much as their verified receipts cost, and nothing for the rest. */

import {
  type Message,
  ROLES,
  RPC_CODES,
  recoverTyped,
  type Voucher,
  voucherHash,
} from "@assay/wire";
import { expect, onTestFinished, test } from "vitest";
import { createGranter } from "../src/gateway/grants.ts";
import { openOrderBook } from "../src/gateway/order-book.ts";
import type { Call, Link } from "../src/mesh/link.ts";
import type { Peer } from "../src/mesh/peers.ts";
import type { Database } from "../src/store/database.ts";
import { openTestDatabase } from "./support/database.ts";
import { eventually } from "./support/eventually.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";

const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };
const worker = addressNamed("worker");
const payer = { privateKey: keyOf("client"), address: addressNamed("client"), domain };
const OK: Message = { type: "ok" };
const failed = (code: keyof typeof RPC_CODES): Message => ({
  type: "fail",
  code: RPC_CODES[code],
  text: "no",
});

/** A worker that gives these answers in turn, the last one for ever; and the vouchers that it was given. */
function workerThat(...answers: readonly Message[]) {
  const vouchers: Voucher[] = [];
  const link: Link = {
    peer: "worker",
    peerBytes: new Uint8Array(),
    closed: new Promise(() => undefined),
    close: () => undefined,
    call(first) {
      if (first.type !== "voucher") throw new Error(first.type);
      const signer = recoverTyped(domain, voucherHash(first.voucher), first.signature);
      expect(signer).toEqual(payer.address);
      const answer = answers[Math.min(vouchers.length, answers.length - 1)];
      vouchers.push(first.voucher);
      const call: Call = {
        id: 1,
        send: () => undefined,
        next: async () => answer,
        close: () => undefined,
      };
      return call;
    },
  };
  const hello = {
    address: worker,
    roles: ROLES.worker,
    programs: [],
    freeSlots: 0,
    signature: new Uint8Array(65),
  };
  const peer: Peer = { link, hello };
  return { peer, vouchers };
}

type State = "placed" | "started" | "verified" | "rejected" | "failed";

/** Orders of the channel with sequences 1, 2, 3, … in these states; a verified one costs a hundred times its sequence. */
async function bookOf(...states: readonly State[]): Promise<Database> {
  const database = await openTestDatabase();
  for (const [index, state] of states.entries()) await addOrder(database, index + 1, state);
  return database;
}

async function addOrder(database: Database, sequence: number, state: State): Promise<void> {
  const hash = new Uint8Array(32).fill(sequence);
  const book = await openOrderBook(database);
  await book.placed({ hash, worker, sequence: BigInt(sequence) });
  await database
    .updateTable("orders")
    .set({ state, price: String(100 * sequence) })
    .where("sequence", "=", sequence)
    .execute();
}

function granter(
  database: Database,
  peer: Peer | undefined,
  channel = { paid: 0n, settledBelow: 0n },
) {
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  return createGranter({
    database,
    chain: {
      channelOf: async () => ({
        balance: 0n,
        holds: 0,
        forfeited: false,
        withdrawableFrom: 0n,
        payableFrom: 0n,
        ahead: 0n,
        aheadFrom: 0n,
        aheadBelow: 0n,
        ...channel,
      }),
    },
    payer,
    peerOf: () => peer,
    log: quietLog,
    signal: stopping.signal,
  });
}

async function grantOf(database: Database, channel?: { paid: bigint; settledBelow: bigint }) {
  const { peer, vouchers } = workerThat(OK);
  const made = granter(database, peer, channel);
  made.grant(worker);
  await made.settled();
  return vouchers.map(({ settledBelow, amount }) => [settledBelow, amount]);
}

test.each<[string, readonly State[], readonly (readonly [bigint, bigint])[]]>([
  ["nothing was ordered", [], []],
  ["one receipt holds", ["verified"], [[2n, 100n]]],
  ["all hold", ["verified", "verified", "verified"], [[4n, 600n]]],
  [
    "one does not hold, and one failed",
    ["verified", "rejected", "failed", "verified"],
    [[5n, 500n]],
  ],
  ["one is still running", ["verified", "started", "verified"], [[2n, 100n]]],
  ["the first is still running", ["placed", "verified"], []],
  ["nothing is owed", ["failed", "rejected"], []],
])("when %s", async (_what, states, vouchers) => {
  expect(await grantOf(await bookOf(...states))).toEqual(vouchers);
});

test("amounts add up over vouchers and restarts, and nothing is granted twice", async () => {
  const database = await bookOf("verified", "started", "verified");
  expect(await grantOf(database)).toEqual([[2n, 100n]]);
  expect(await grantOf(database)).toEqual([]);
  const book = await openOrderBook(database);
  await book.failed(new Uint8Array(32).fill(2), "gone");
  expect(await grantOf(database)).toEqual([[4n, 400n]]);
  await addOrder(database, 4, "verified");
  expect(await grantOf(database)).toEqual([[5n, 800n]]);
});

test("where the database was lost, it goes on from what the worker was paid", async () => {
  const database = await bookOf("failed", "failed", "verified");
  expect(await grantOf(database, { paid: 5_000n, settledBelow: 3n })).toEqual([[4n, 5_300n]]);
});

test("a worker that is still at an order gets its voucher later; one that refuses is not pressed", async () => {
  const database = await bookOf("verified");
  const late = workerThat(failed("busy"), OK);
  granter(database, late.peer).grant(worker);
  await eventually("it has it", () => late.vouchers.length === 2);
  expect(late.vouchers[1]).toEqual(late.vouchers[0]);

  const other = await bookOf("verified");
  const refusing = workerThat(failed("price"));
  const made = granter(other, refusing.peer);
  made.grant(worker);
  await made.settled();
  expect(refusing.vouchers).toHaveLength(1);
  // Nothing was granted: the next voucher is for the same orders.
  expect(await grantOf(other)).toEqual([[2n, 100n]]);
});

test("a worker that is not connected is granted its pay when it is", async () => {
  const database = await bookOf("verified");
  const made = granter(database, undefined);
  made.grant(worker);
  await made.settled();
  expect(await grantOf(database)).toEqual([[2n, 100n]]);
});
