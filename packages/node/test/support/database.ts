/** Databases for tests: files, or in a run with ASSAY_TEST_DATABASE=postgres each one of a server that `npm test` has started. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import { onTestFinished } from "vitest";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { testFolder } from "./folder.ts";

/** URL of the server's own database; undefined where there is no server. */
export const POSTGRES = process.env["ASSAY_POSTGRES"];

export const onPostgres = process.env["ASSAY_TEST_DATABASE"] === "postgres";

/** Where a new, empty database can be opened, and opened again. */
export const newPlace = (): Promise<string> | string =>
  onPostgres ? newPostgresDatabase() : join(testFolder(), "role.sqlite");

/** URL of a new database; it goes with the server. */
export async function newPostgresDatabase(): Promise<string> {
  if (POSTGRES === undefined) throw new Error("there is no PostgreSQL server; run npm test");
  const name = `test_${randomBytes(8).toString("hex")}`;
  const client = new pg.Client(POSTGRES);
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const url = new URL(POSTGRES);
  url.pathname = `/${name}`;
  return url.href;
}

/** A database that lives as long as the test. */
export async function openTestDatabase(): Promise<Database> {
  const database = await openDatabase(onPostgres ? await newPostgresDatabase() : ":memory:");
  onTestFinished(() => database.destroy());
  return database;
}
