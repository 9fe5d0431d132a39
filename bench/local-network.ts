/** Networks on this machine for measurements: started as `assay up` starts them, in a directory that goes with them. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
// biome-ignore lint/correctness/noUnresolvedImports: the linter does not know this module of Node 24 yet
import { DatabaseSync } from "node:sqlite";
import { type Cheat, type LocalNetwork, startLocalNetwork } from "@assay/node";
import { type Connection, connect } from "@assay/sdk";
import { ensureBundle } from "../packages/cli/bin/bundle.mjs";
import { queryPostgres } from "../scripts/postgres.ts";

export const DEMO_PROGRAM = "models/demo/demo.assay";
/** What `assay start` asks. */
export const DEFAULT_QUESTION = "What is 17 + 25?";

export interface RunningNetwork extends LocalNetwork {
  /** Directory of the network's state; each role has one of its own below it, with its key. */
  readonly home: string;
  readonly connection: Connection;
  /** Rows that a role's database gives to a query. */
  query<T>(role: string, sql: string): Promise<readonly T[]>;
}

/** Beside the role that has the database open: reads only. */
function queryOf(home: string, databaseOf?: (role: string) => string): RunningNetwork["query"] {
  return async <T>(role: string, sql: string): Promise<readonly T[]> => {
    if (databaseOf !== undefined) return queryPostgres(databaseOf(role), sql);
    const kind = role.replace(/-\d+$/, "");
    const database = new DatabaseSync(join(home, role, `${kind}.sqlite`), { readOnly: true });
    try {
      return database.prepare(sql).all() as unknown as readonly T[];
    } finally {
      database.close();
    }
  };
}

/** Runs `job` with a directory that is removed afterwards. */
export async function withDirectory<T>(job: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "assay-bench-"));
  try {
    return await job(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs `job` against a fresh network; the first worker cheats where `cheat` says how. */
export function withNetwork<T>(
  options: {
    readonly workers: number;
    readonly cheat?: Cheat;
    /** HTTP port of the gateway; any when absent. */
    readonly port?: number;
    /** `postgres://` URL of a role's database; files when absent. */
    readonly databaseOf?: (role: string) => string;
  },
  job: (network: RunningNetwork) => Promise<T>,
): Promise<T> {
  return withDirectory(async (home) => {
    const bundle = await ensureBundle(resolve("."));
    const entry = bundle.ok ? bundle.path : resolve("packages/cli/src/main.ts");
    const network = await startLocalNetwork({
      port: 0,
      ...options,
      home,
      model: { name: "demo", path: resolve(DEMO_PROGRAM) },
      command: [process.execPath, "--disable-warning=ExperimentalWarning", entry],
    });
    try {
      await network.complete;
      const connection = await connect({
        network: { ...network.network, gateway: network.gatewayUrl },
        loadProgram: async () => new Uint8Array(readFileSync(DEMO_PROGRAM)),
      });
      return await job(
        Object.assign(network, { home, connection, query: queryOf(home, options.databaseOf) }),
      );
    } finally {
      await network.stop();
    }
  });
}
