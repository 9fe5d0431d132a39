/**
 * One role's database, through Kysely: SQLite in a file of its own, or PostgreSQL.
 *
 * A write that returned has reached the disk (SQLite's `synchronous = FULL`, PostgreSQL's `synchronous_commit`, on by
 * default): a receipt that was sent is never lost.
 */

import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";
import { openSqlite } from "./sqlite.ts";

export type Database = Kysely<Schema>;

/** SQLITE_FULL, and PostgreSQL's disk_full. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return Reflect.get(error, "errcode") === 13 || Reflect.get(error, "code") === "53100";
}

const POSTGRES = /^postgres(ql)?:\/\//;

/** Opens or creates the database at a path (":memory:" for none on disk) or a `postgres://` URL, in the current schema. */
export async function openDatabase(where: string): Promise<Database> {
  if (!POSTGRES.test(where)) return openSqlite(where);
  // Loaded where it is used: a start with a file does without.
  const { openPostgres } = await import("./postgres.ts");
  return openPostgres(where);
}
