/** PostgreSQL: one database, or one schema, for each role. */

import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Database } from "./database.ts";
import { checkVersion, migrations } from "./migrations.ts";

const MIGRATIONS = migrations({ integer: "BIGINT", blob: "BYTEA", strict: "" });

const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 60_000;
/** So that the server gives up, and with the session its claim, what it has not heard of for about a minute. */
const KEEPALIVE =
  "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 60000";
/** How long the server may take to notice that the process before was killed. */
const CLAIM_TIMEOUT_MS = 5_000;

/** Numbers of PostgreSQL's types. */
const BYTEA = 17;
const INT8 = 20;

/** As SQLite gives them: 64-bit integers as numbers (none here is above 2^53), bytes as Uint8Array. */
const types = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === INT8) return Number;
    if (oid === BYTEA) return (text: string) => new Uint8Array(Buffer.from(text.slice(2), "hex"));
    return pg.types.getTypeParser(oid, format);
  },
};

class ImpatientClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  }
}

/**
 * Connects, claims the schema for this process and brings it up to date. A single connection, so that statements follow each
 * other as they do in a file; one that breaks is made again, and claims again, with the next statement.
 *
 * @throws where the server is not there, refuses, is used by another process, or holds what a newer program wrote
 */
export async function openPostgres(url: string): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    idleTimeoutMillis: 0,
    // A server that is gone without a word: the query fails, and the next one connects anew.
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    // The limit is for connecting alone: who waits for the one connection waits.
    Client: ImpatientClient,
    application_name: "assay",
    types,
    onConnect: claim,
  });
  // An idle connection broke: the next statement makes another, or says why there is none.
  pool.on("error", () => undefined);
  const database: Database = new Kysely({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(database);
  } catch (error) {
    await database.destroy();
    throw new Error(`the database at ${withoutPassword(url)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return database;
}

/** Two processes of one role would each hand out, and be paid for, what the other has promised. */
async function claim(client: pg.ClientBase): Promise<void> {
  await client.query(KEEPALIVE);
  const lock =
    "SELECT current_schema() AS schema, pg_try_advisory_lock(hashtext('assay'), hashtext(current_schema())) AS held";
  const until = performance.now() + CLAIM_TIMEOUT_MS;
  for (;;) {
    const { rows } = await client.query<{ readonly schema: string | null; readonly held: boolean }>(
      lock,
    );
    if (rows[0]?.schema === null) throw new Error("there is no such schema; create it first");
    if (rows[0]?.held === true) return;
    if (performance.now() > until) {
      throw new Error(
        "another process uses it; give each role a database, or a schema, of its own",
      );
    }
    await sleep(100);
  }
}

/** Runs the migrations above the stored version, each in one transaction. */
async function migrate(database: Database): Promise<void> {
  await sql`CREATE TABLE IF NOT EXISTS assay_version (version BIGINT NOT NULL)`.execute(database);
  const { rows } = await sql<{
    readonly version: number;
  }>`SELECT version FROM assay_version`.execute(database);
  const version = rows[0]?.version ?? 0;
  checkVersion(version, MIGRATIONS.length);
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    await database.transaction().execute(async (transaction) => {
      await sql.raw(migration).execute(transaction);
      await sql`DELETE FROM assay_version`.execute(transaction);
      await sql`INSERT INTO assay_version VALUES (${index + 1})`.execute(transaction);
    });
  }
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return "a URL that cannot be read";
  const shown = new URL(url);
  shown.password = "";
  shown.searchParams.delete("password");
  return shown.href;
}

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
};
