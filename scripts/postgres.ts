/** A PostgreSQL server for tests: the machine's own binaries, a new directory, loopback only. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { aptInstall } from "./apt.ts";

const DEBIAN = "/usr/lib/postgresql";
const PLACES = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"];
const READY_TIMEOUT_MS = 20_000;

export interface PostgresServer {
  /** Of its own database, for a user who may make others. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The folder of `initdb` and `postgres`: POSTGRES_BIN, Debian's, or the usual places. */
function findBinaries(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted() : [];
  const folders = [
    process.env["POSTGRES_BIN"],
    ...versions.toReversed().map((version) => path.join(DEBIAN, version, "bin")),
    ...PLACES,
  ];
  return folders.find((folder) => folder !== undefined && existsSync(path.join(folder, "initdb")));
}

/** Starts one; undefined, and a line that says so, where there is none and none can be installed unasked. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const found = findBinaries() ?? (aptInstall(["postgresql"]) ? findBinaries() : undefined);
  if (found === undefined) {
    console.log("no PostgreSQL here: its tests will skip; install it, or set POSTGRES_BIN");
    return undefined;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "assay-postgres-"));
  const data = path.join(folder, "data");
  const user = serverUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const made = spawnSync(
    path.join(found, "initdb"),
    ["--pgdata", data, "--username=assay", "--auth=trust", "--no-sync"],
    { encoding: "utf8", cwd: folder, ...user },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  const port = await freePort();
  const server = spawn(
    path.join(found, "postgres"),
    ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder, "-c", "fsync=off"],
    { stdio: ["ignore", "ignore", "pipe"], cwd: folder, ...user },
  );
  await untilReady(server);
  return {
    url: `postgres://assay@127.0.0.1:${port}/postgres`,
    async stop() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      // Fast shutdown: what is connected is cut off.
      server.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A database for each role of a network on this machine. */
export async function databasesFor(
  server: PostgresServer,
  workers: number,
): Promise<(role: string) => string> {
  const names = Array.from({ length: workers }, (_, i) => `worker-${i + 1}`);
  for (const name of [...names, "verifier", "gateway"]) {
    await queryPostgres(server.url, `CREATE DATABASE "${name}"`);
  }
  return (role) => server.url.replace(/[^/]*$/, role);
}

/** A connection for this query alone. */
export async function queryPostgres<T>(url: string, sql: string): Promise<readonly T[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<T & pg.QueryResultRow>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root: then as the user that its package made, or as nobody. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) =>
      spawnSync("id", [flag, name], { encoding: "utf8" }),
    );
    if (uid?.status === 0 && gid?.status === 0) {
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    }
  }
  throw new Error("there is no user to run PostgreSQL as");
}

function untilReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (why: string): void => reject(new Error(`PostgreSQL ${why}: ${output}`));
    const timer = setTimeout(() => fail("did not start in time"), READY_TIMEOUT_MS);
    server.once("exit", () => fail("ended"));
    server.once("error", (error) => fail(error.message));
    server.stderr?.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
      if (!output.includes("ready to accept connections")) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
