/** SQLite in a file of its own. */

// biome-ignore lint/correctness/noUnresolvedImports: the linter does not know this module of Node 24 yet
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import type { Database } from "./database.ts";
import { checkVersion, migrations } from "./migrations.ts";

const MIGRATIONS = migrations({ integer: "INTEGER", blob: "BLOB", strict: " STRICT" });

/** Opens or creates the file (":memory:" for none) and brings it to the current schema. */
export function openSqlite(path: string): Database {
  const sqlite = new DatabaseSync(path);
  sqlite.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  migrate(sqlite);
  return new Kysely({ dialect: new SqliteDialect({ database: adapt(sqlite) }) });
}

/** Runs the migrations above `user_version`, each in one transaction. */
function migrate(sqlite: DatabaseSync): void {
  const row = sqlite.prepare("PRAGMA user_version").get();
  const version = Number(row?.["user_version"] ?? 0);
  checkVersion(version, MIGRATIONS.length);
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    sqlite.exec(`BEGIN; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}

/** Kysely expects better-sqlite3's shape; node:sqlite differs in how parameters and readers are told. */
function adapt(sqlite: DatabaseSync): SqliteDatabase {
  return {
    close: () => sqlite.close(),
    // SQLite has rolled back by itself where the disk was full; to be told so must not hide why.
    prepare: (sql) =>
      sql === "rollback" && !sqlite.isTransaction ? NOTHING : adaptStatement(sqlite.prepare(sql)),
  };
}

const NOTHING: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0n, lastInsertRowid: 0n }),
  iterate: () => [][Symbol.iterator](),
};

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
