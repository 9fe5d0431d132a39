/** What a role keeps: its database, its key, a worker's jobs. */

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// biome-ignore lint/correctness/noUnresolvedImports: the linter does not know this module of Node 24 yet
import { DatabaseSync } from "node:sqlite";
import { bytesToHex, orderHash, receiptHash } from "@assay/wire";
import { sql } from "kysely";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createExclusive } from "../src/exclusive.ts";
import { loadOrCreateKey, peerKeySeed } from "../src/keys.ts";
import { type Database, isDiskFull, openDatabase } from "../src/store/database.ts";
import { createJobs } from "../src/worker/jobs.ts";
import { doneMessageOf, storedOrder } from "../src/worker/stored-receipt.ts";
import { newPlace, openTestDatabase } from "./support/database.ts";
import { pause } from "./support/eventually.ts";
import { testFolder } from "./support/folder.ts";
import { keyOf } from "./support/keys.ts";
import { deliverySignatureOf, makeReceiptFile, random32 } from "./support/receipts.ts";

const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };

const open = new Map<string, Database>();

/** Opens it as a process does: one that had it open before is gone. */
async function opened(place: string): Promise<Database> {
  await open.get(place)?.destroy();
  const database = await openDatabase(place);
  open.set(place, database);
  onTestFinished(async () => {
    if (open.get(place) !== database) return;
    open.delete(place);
    await database.destroy();
  });
  return database;
}

describe("the database", () => {
  test("is made, and found again with what was written", async () => {
    const place = await newPlace();
    const first = await opened(place);
    await first
      .insertInto("grants")
      .values({
        worker: "ab",
        settled_below: 2 ** 53 - 1,
        amount: "340282366920938463463374607431768211455",
      })
      .execute();
    const again = await opened(place);
    expect(await again.selectFrom("grants").selectAll().execute()).toEqual([
      {
        worker: "ab",
        settled_below: 2 ** 53 - 1,
        amount: "340282366920938463463374607431768211455",
      },
    ]);
  });

  test("of a newer program is refused, and left as it is", async () => {
    const path = join(testFolder(), "role.sqlite");
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 99; CREATE TABLE tomorrow (x)");
    newer.close();
    await expect(openDatabase(path)).rejects.toThrow(/version 99, newer than this program.*update/);
    const again = new DatabaseSync(path);
    expect(again.prepare("SELECT name FROM sqlite_master").all()).toEqual([{ name: "tomorrow" }]);
    again.close();
  });

  test("that is no database is refused", async () => {
    const path = join(testFolder(), "role.sqlite");
    writeFileSync(path, "not a database, whatever its name says".repeat(50));
    await expect(openDatabase(path)).rejects.toThrow(/not a database/);
  });

  test("has every acknowledged write on disk", async () => {
    const database = await opened(join(testFolder(), "role.sqlite"));
    const pragma = async (name: string) => (await sql.raw(`PRAGMA ${name}`).execute(database)).rows;
    expect(await pragma("synchronous")).toEqual([{ synchronous: 2 }]);
    expect(await pragma("journal_mode")).toEqual([{ journal_mode: "wal" }]);
  });

  test("gives back bytes, nulls, numbers and counts of changed rows as they are", async () => {
    const database = await openTestDatabase();
    const row = {
      receipt_hash: "aa",
      worker: "bb",
      file: Uint8Array.of(0, 255, 7),
      fraud: 1,
      reason: null,
      challenge_id: null,
      state: "checked" as const,
      created_at: 1_700_000_000_000,
    };
    await database.insertInto("evidence").values(row).execute();
    const [stored] = await database.selectFrom("evidence").selectAll().execute();
    expect(stored).toEqual(row);
    const updated = await database.updateTable("evidence").set({ fraud: 0 }).executeTakeFirst();
    expect(updated.numUpdatedRows).toBe(1n);
    const deleted = await database.deleteFrom("evidence").executeTakeFirst();
    expect(deleted.numDeletedRows).toBe(1n);
  });

  test("refuses values that it cannot hold", async () => {
    const values = {
      root: {} as string,
      count: 1,
      vouchers: new Uint8Array(),
      state: "new" as const,
    };
    const database = await opened(":memory:");
    await expect(database.insertInto("batches").values(values).execute()).rejects.toThrow(
      /a object cannot be stored/,
    );
  });

  test("whose disk is full in the middle of a transaction says that, and not that there is nothing to take back", async () => {
    const database = await opened(join(testFolder(), "role.sqlite"));
    await sql.raw("PRAGMA max_page_count = 1").execute(database);
    const filling = database.transaction().execute(async (transaction) => {
      for (let i = 0; i < 100; i++) {
        await transaction
          .insertInto("batches")
          .values({ root: `${i}`, count: 1, vouchers: new Uint8Array(4_096), state: "new" })
          .execute();
      }
    });
    const error: unknown = await filling.catch((caught: unknown) => caught);
    expect(isDiskFull(error)).toBe(true);
    expect(String(error)).toMatch(/full/);
    await sql.raw("PRAGMA max_page_count = 100000").execute(database);
    expect(await database.selectFrom("batches").selectAll().execute()).toEqual([]);
  });

  test("takes back a transaction that throws", async () => {
    const database = await openTestDatabase();
    const failing = database.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("batches")
        .values({ root: "a", count: 1, vouchers: Uint8Array.of(1), state: "new" })
        .execute();
      throw new Error("half way");
    });
    await expect(failing).rejects.toThrow("half way");
    expect(await database.selectFrom("batches").selectAll().execute()).toEqual([]);
  });
});

describe("keys", () => {
  test("a key is made once, for this user only", () => {
    const path = join(testFolder(), "key");
    const key = loadOrCreateKey(path);
    expect(key).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadOrCreateKey(path)).toEqual(key);
    expect(loadOrCreateKey(join(testFolder(), "key"))).not.toEqual(key);
  });

  test("a file that others can read is closed to them", () => {
    const path = join(testFolder(), "key");
    writeFileSync(path, `${"ab".repeat(32)}\n`, { mode: 0o644 });
    expect(loadOrCreateKey(path)).toEqual(new Uint8Array(32).fill(0xab));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test.each([[""], ["ab"], ["zz".repeat(32)], [`${"ab".repeat(32)}00`]])(
    "a file with %j is named, not overwritten",
    (text) => {
      const path = join(testFolder(), "key");
      writeFileSync(path, text);
      expect(() => loadOrCreateKey(path)).toThrow(path);
      expect(() => loadOrCreateKey(path)).toThrow(/restore it from a backup/);
      expect(readFileSync(path, "utf8")).toBe(text);
    },
  );

  test("a folder that is not there is an error, and stays away", () => {
    const path = join(testFolder(), "nowhere", "key");
    expect(() => loadOrCreateKey(path)).toThrow();
    expect(existsSync(path)).toBe(false);
  });

  test("the peer's seed does not give the key away", () => {
    expect(peerKeySeed(keyOf("a"))).not.toEqual(keyOf("a"));
    expect(peerKeySeed(keyOf("a"))).not.toEqual(peerKeySeed(keyOf("b")));
  });
});

describe("exclusive", () => {
  test("runs one at a time, in the order of calling, also after a failure", async () => {
    const exclusive = createExclusive();
    const log: string[] = [];
    const task = (name: string, ms: number) => async () => {
      log.push(`${name} starts`);
      await pause(ms);
      log.push(`${name} ends`);
      if (name === "b") throw new Error("b failed");
      return name;
    };
    const results = await Promise.allSettled(
      [task("a", 20), task("b", 5), task("c", 0)].map((run) => exclusive(run)),
    );
    expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
});

describe("a worker's jobs", () => {
  let place: string;
  beforeEach(async () => {
    place = await newPlace();
  });

  const accepting = (file: ReturnType<typeof someFile>) => ({
    orderHash: orderHash(file.order),
    order: file.order,
    signature: file.orderSignature,
    workerNonce: file.workerNonce,
    outputSalt: file.outputSalt,
  });
  const finishing = (file: ReturnType<typeof someFile>) => ({
    orderHash: file.receipt.orderHash,
    receipt: file.receipt,
    signature: file.receiptSignature,
    deliverySignature: deliverySignatureOf(file),
  });
  const someFile = () => makeReceiptFile({ domain });

  test("an order is accepted once", async () => {
    const jobs = createJobs(await opened(place));
    const file = someFile();
    await jobs.accept(accepting(file));
    await expect(jobs.accept({ ...accepting(file), workerNonce: random32() })).rejects.toThrow();
    const job = await jobs.find(orderHash(file.order));
    expect(new Uint8Array(job?.worker_nonce ?? [])).toEqual(file.workerNonce);
  });

  test("an order gets one receipt, and the same one for ever", async () => {
    const jobs = createJobs(await opened(place));
    const file = someFile();
    await jobs.accept(accepting(file));
    expect(await jobs.finish(finishing(file))).toBe(true);
    const second = { ...file.receipt, traceRoot: random32() };
    expect(await jobs.finish({ ...finishing(file), receipt: second })).toBe(false);
    const again = createJobs(await opened(place));
    const job = await again.find(orderHash(file.order));
    if (job === undefined) throw new Error("the job is gone");
    expect(storedOrder(job)).toEqual(file.order);
    expect(doneMessageOf(job)).toEqual({
      type: "done",
      receipt: file.receipt,
      signature: file.receiptSignature,
    });
    expect(job.receipt_hash).toBe(bytesToHex(receiptHash(file.receipt)));
  });

  test("a receipt without an accepted order is not taken", async () => {
    const jobs = createJobs(await opened(place));
    expect(await jobs.finish(finishing(someFile()))).toBe(false);
  });

  test("a crash between acceptance and receipt ends the job: no receipt can follow", async () => {
    const file = someFile();
    const done = someFile();
    const before = createJobs(await opened(place));
    await before.accept(accepting(file));
    await before.accept(accepting(done));
    await before.finish(finishing(done));
    const after = createJobs(await opened(place));
    expect(await after.failInterrupted()).toBe(1);
    expect(await after.finish(finishing(file))).toBe(false);
    expect((await after.find(orderHash(file.order)))?.state).toBe("failed");
    expect((await after.find(orderHash(done.order)))?.state).toBe("done");
  });

  test("what is outstanding is the most an accepted order can cost, then its price", async () => {
    const jobs = createJobs(await opened(place));
    const file = makeReceiptFile({ domain, order: { maxTokens: 9 } });
    const { client, promptTokens } = file.order;
    expect(await jobs.outstanding(client)).toBe(0n);
    await jobs.accept(accepting(file));
    expect(await jobs.outstanding(client)).toBe(BigInt(promptTokens) * 10n + 9n * 30n);
    await jobs.finish(finishing(file));
    expect(await jobs.outstanding(client)).toBe(file.receipt.price);
    const failed = someFile();
    await jobs.accept(accepting(failed));
    await jobs.fail(orderHash(failed.order));
    expect(await jobs.outstanding(client)).toBe(file.receipt.price);
    expect(await jobs.outstanding(new Uint8Array(20))).toBe(0n);
  });

  test("a job that has its receipt cannot fail any more", async () => {
    const jobs = createJobs(await opened(place));
    const file = someFile();
    await jobs.accept(accepting(file));
    await jobs.finish(finishing(file));
    await jobs.fail(orderHash(file.order));
    expect((await jobs.find(orderHash(file.order)))?.state).toBe("done");
  });
});
