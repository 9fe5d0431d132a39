/**
 * One role's database: SQLite in a file of its own, through Kysely.
 *
 * A write that returned has reached the disk (`synchronous = FULL`): a receipt that was sent is never lost.
 */

// biome-ignore lint/correctness/noUnresolvedImports: the linter does not know this module of Node 24 yet
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { MIGRATIONS, type Schema } from "./schema.ts";

export type Database = Kysely<Schema>;

/** Opens or creates the database at `path` (":memory:" for none on disk) and brings it to the current schema. */
export function openDatabase(path: string): Database {
  const sqlite = new DatabaseSync(path);
  sqlite.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  migrate(sqlite);
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapt(sqlite) }) });
}

/** Runs the migrations above `user_version`, each in one transaction. */
function migrate(sqlite: DatabaseSync): void {
  const row = sqlite.prepare("PRAGMA user_version").get();
  const version = Number(row?.["user_version"] ?? 0);
  if (version > MIGRATIONS.length) {
    throw new Error(
      `this database is at version ${version}, newer than this program (${MIGRATIONS.length}); update Assay`,
    );
  }
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    sqlite.exec(`BEGIN; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}

/** Kysely expects better-sqlite3's shape; node:sqlite differs in how parameters and readers are told. */
function adapt(sqlite: DatabaseSync): SqliteDatabase {
  return {
    close: () => sqlite.close(),
    prepare: (sql) => adaptStatement(sqlite.prepare(sql)),
  };
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(toInput)),
    run: (parameters) => statement.run(...parameters.map(toInput)),
    iterate: (parameters) => statement.iterate(...parameters.map(toInput)),
  };
}

function toInput(value: unknown): SQLInputValue {
  if (value === null || typeof value === "number" || typeof value === "bigint") return value;
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  throw new TypeError(`a ${typeof value} cannot be stored`);
}
