/** Networks on this machine for measurements: started as `assay up` starts them, in a directory that goes with them. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Cheat, type LocalNetwork, startLocalNetwork } from "@assay/node";
import { type Connection, connect } from "@assay/sdk";
import { ensureBundle } from "../packages/cli/bin/bundle.mjs";

export const DEMO_PROGRAM = "models/demo/demo.assay";
/** What `assay start` asks. */
export const DEFAULT_QUESTION = "What is 17 + 25?";

export interface RunningNetwork extends LocalNetwork {
  /** Directory of the network's state; each role has one of its own below it, with its key. */
  readonly home: string;
  readonly connection: Connection;
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
      return await job(Object.assign(network, { home, connection }));
    } finally {
      await network.stop();
    }
  });
}
