/** The gateway's outbox: a file that does not hold is offered until a verifier has answered for it. */

import { encodeReceiptFile, type Message, ROLES, RPC_CODES } from "@assay/wire";
import { expect, onTestFinished, test } from "vitest";
import { createReceiptShelf, openOrderBook, type ReceiptShelf } from "../src/gateway/order-book.ts";
import { type Reporter, startReporter } from "../src/gateway/reporter.ts";
import type { Call, Link } from "../src/mesh/link.ts";
import type { Peer } from "../src/mesh/peers.ts";
import { type Database, openDatabase } from "../src/store/database.ts";
import { newPlace } from "./support/database.ts";
import { eventually, pause } from "./support/eventually.ts";
import { quietLog } from "./support/log.ts";
import { makeReceiptFile } from "./support/receipts.ts";

const AGAIN_MS = 30;
const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };
const OK: Message = { type: "ok" };
const failed = (code: keyof typeof RPC_CODES): Message => ({
  type: "fail",
  code: RPC_CODES[code],
  text: "no",
});

/** A verifier that gives these answers in turn, and the last one for ever; undefined is silence. */
function verifier(...answers: readonly (Message | undefined)[]) {
  const asked: Message[] = [];
  const link: Link = {
    peer: "verifier",
    peerBytes: new Uint8Array(),
    closed: new Promise(() => undefined),
    close: () => undefined,
    call(first) {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(first);
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
    address: new Uint8Array(20),
    roles: ROLES.verifier,
    programs: [],
    freeSlots: 0,
    signature: new Uint8Array(65),
  };
  const peer: Peer = { link, hello };
  return { peer, asked };
}

async function gateway(place: string): Promise<{
  database: Database;
  book: ReceiptShelf;
  reporter: Reporter;
  stop: () => Promise<void>;
}> {
  const database = await openDatabase(place);
  const book = createReceiptShelf(database);
  const stopping = new AbortController();
  const reporter = startReporter({
    book,
    log: quietLog,
    signal: stopping.signal,
    againMs: AGAIN_MS,
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping.abort();
    stopped ??= reporter.done.then(() => database.destroy());
    return stopped;
  };
  onTestFinished(stop);
  return { database, book, reporter, stop };
}

async function receive(database: Database, verified = false): Promise<Uint8Array> {
  const file = makeReceiptFile({ domain });
  const bytes = encodeReceiptFile(file);
  const book = await openOrderBook(database);
  await book.received(file, bytes, verified, verified ? null : "tokens: wrong");
  return bytes;
}

const isEmpty = async (book: ReceiptShelf): Promise<boolean> =>
  (await book.unreported(9)).length === 0;

test("a file is offered again after silence and trouble, until it is taken in", async () => {
  const { database, book, reporter } = await gateway(await newPlace());
  const { peer, asked } = verifier(undefined, failed("busy"), failed("internal"), OK);
  reporter.met(peer);
  const file = await receive(database);
  await receive(database, true);
  reporter.report();
  await eventually("it is taken in", () => isEmpty(book));
  await pause(5 * AGAIN_MS);
  expect(asked).toEqual(Array.from({ length: 4 }, () => ({ type: "evidencePut", file })));
});

test("one that is refused for good is not offered again", async () => {
  const { database, book, reporter } = await gateway(await newPlace());
  const { peer, asked } = verifier(failed("invalidEvidence"));
  await receive(database);
  reporter.met(peer);
  await eventually("it is refused", () => isEmpty(book));
  await pause(5 * AGAIN_MS);
  expect(asked).toHaveLength(1);
});

test("a verifier without the model is asked once, and another one judges", async () => {
  const { database, book, reporter } = await gateway(await newPlace());
  const without = verifier(failed("unknownProgram"));
  await receive(database);
  reporter.met(without.peer);
  await pause(5 * AGAIN_MS);
  expect(without.asked).toHaveLength(1);
  expect(await isEmpty(book)).toBe(false);
  const other = verifier(OK);
  reporter.met(other.peer);
  await eventually("it is taken in", () => isEmpty(book));
});

test("what nobody has judged is offered after a restart", async () => {
  const place = await newPlace();
  const before = await gateway(place);
  const file = await receive(before.database);
  before.reporter.report();
  await before.stop();
  const after = await gateway(place);
  const { peer, asked } = verifier(OK);
  after.reporter.met(peer);
  await eventually("it is taken in", () => isEmpty(after.book));
  expect(asked).toEqual([{ type: "evidencePut", file }]);
});
