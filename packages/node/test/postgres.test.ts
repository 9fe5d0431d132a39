/** What is PostgreSQL's own; the other tests of the store run on it too (vitest.config.ts). */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../src/store/database.ts";
import { newPostgresDatabase, POSTGRES } from "./support/database.ts";
import { eventually } from "./support/eventually.ts";

const grant = (worker: string) => ({ worker, settled_below: 1, amount: "1" });

/** Another session on the same server, as an administrator has it. */
async function administrator(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function opened(url: string) {
  const database = await openDatabase(url);
  onTestFinished(() => database.destroy());
  return database;
}

describe.skipIf(POSTGRES === undefined)("PostgreSQL", () => {
  test("is the database of one process at a time", async () => {
    const url = await newPostgresDatabase();
    const first = await openDatabase(url);
    await expect(openDatabase(url)).rejects.toThrow(/another process uses it/);
    await first.destroy();
    await opened(url);
  });

  test("schemas of one database are apart: each a role of its own", async () => {
    const url = await newPostgresDatabase();
    const admin = await administrator(url);
    const inSchema = async (name: string) => {
      await admin.query(`CREATE SCHEMA ${name}`);
      return opened(`${url}?options=-csearch_path%3D${name}`);
    };
    const [one, two] = [await inSchema("one"), await inSchema("two")];
    await one.insertInto("grants").values(grant("ab")).execute();
    expect(await two.selectFrom("grants").selectAll().execute()).toEqual([]);
  });

  test("of a newer program is refused, and left as it is", async () => {
    const url = await newPostgresDatabase();
    const admin = await administrator(url);
    await admin.query("CREATE TABLE assay_version (version BIGINT NOT NULL)");
    await admin.query("INSERT INTO assay_version VALUES (99)");
    await expect(openDatabase(url)).rejects.toThrow(/version 99, newer than this program.*update/);
    const { rows } = await admin.query("SELECT to_regclass('jobs') AS jobs");
    expect(rows).toEqual([{ jobs: null }]);
  });

  test("whose connection was cut is connected to again, and is still ours", async () => {
    const url = await newPostgresDatabase();
    const database = await opened(url);
    await database.insertInto("grants").values(grant("ab")).execute();
    const admin = await administrator(url);
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'assay' AND datname = current_database()",
    );
    const rows = await eventually("the next connection", async () =>
      database
        .selectFrom("grants")
        .selectAll()
        .execute()
        .catch(() => undefined),
    );
    expect(rows).toEqual([grant("ab")]);
    await expect(openDatabase(url)).rejects.toThrow(/another process uses it/);
  });

  test("a process that was killed in a transaction has left nothing of it, and is soon forgotten", async () => {
    const url = await newPostgresDatabase();
    const script = fileURLToPath(new URL("support/killed-in-transaction.ts", import.meta.url));
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, url], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const database = await opened(url);
    expect(await database.selectFrom("grants").selectAll().execute()).toEqual([grant("kept")]);
  });

  test("a schema that is not there is said to be missing", async () => {
    const url = `${await newPostgresDatabase()}?options=-csearch_path%3Dnowhere`;
    await expect(openDatabase(url)).rejects.toThrow(/there is no such schema/);
  });

  test("a statement waits for the one connection as long as it takes", async () => {
    const database = await opened(await newPostgresDatabase());
    const busy = database.transaction().execute(async (transaction) => {
      await sql`SELECT pg_sleep(1)`.execute(transaction);
    });
    const rows = database.selectFrom("grants").selectAll().execute();
    await busy;
    expect(await rows).toEqual([]);
  });

  test.each([
    ["a server that is not there", "postgres://127.0.0.1:1/none", /127\.0\.0\.1:1.*ECONNREFUSED/],
    ["no URL", "postgres://127.0.0.1:port/none", /a URL that cannot be read/],
  ])("%s is an error that says so", async (_name, url, message) => {
    await expect(openDatabase(url)).rejects.toThrow(message);
  });

  test("an error does not show the password", async () => {
    for (const url of [
      "postgres://user:secret-word@127.0.0.1:1/none",
      "postgres://user@127.0.0.1:1/none?password=secret-word",
    ]) {
      const error: unknown = await openDatabase(url).catch((caught: unknown) => caught);
      expect(String(error)).toContain("user@127.0.0.1:1");
      expect(String(error)).not.toContain("secret-word");
    }
  });
});
