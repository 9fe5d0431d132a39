/** The network on this machine, as the verbs use it. */

import { createServer } from "node:net";
import { join } from "node:path";
import {
  assayHome,
  type Cheat,
  contractsId,
  type LocalNetwork,
  loadNetwork,
  programRootOfFile,
  readNetworkFile,
  startLocalNetwork,
} from "@assay/node";
import { type Connection, connect, type NetworkFile } from "@assay/sdk";
import { DEMO_MODEL, programsFrom } from "./demo-model.ts";
import { CliError, EXIT } from "./exit-code.ts";
import { integer } from "./numbers.ts";
import { hex } from "./words.ts";

/** Where the gateway listens unless told otherwise; any free port if this one is taken. */
export const DEFAULT_PORT = 8420;
const MAX_PORT = 65_535;

export const portArgument = {
  type: "string",
  description: `port of the gateway, 0 for any; default ${DEFAULT_PORT}, or any if that is taken`,
} as const;

/** The port to listen on for a `--port` that may be absent. */
export async function gatewayPort(text: string | undefined): Promise<number> {
  if (text === undefined) return (await isFree(DEFAULT_PORT)) ? DEFAULT_PORT : 0;
  const port = integer("--port", text, 0);
  if (port <= MAX_PORT && (await isFree(port))) return port;
  const why = port > MAX_PORT ? "no port" : "in use, or not for you to listen on";
  throw new CliError(EXIT.usage, `--port ${port} is ${why}; choose another, or 0 for any`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

const HEALTH_TIMEOUT_MS = 1_000;

/** One directory for each version of the demo model and of the contracts: a development chain keeps one of each. */
function localHome(cheat?: Cheat): string {
  const version = `${hex(programRootOfFile(DEMO_MODEL.path)).slice(2, 10)}-${contractsId().slice(0, 8)}`;
  // A network with a cheater is one of its own: who was caught there stays banned there.
  const name = cheat === undefined ? `local-${version}` : `local-${version}-${cheat}`;
  return join(assayHome(), "networks", name);
}

export interface StartOptions {
  readonly workers: number;
  readonly port: number;
  readonly cheat?: Cheat;
  readonly onProgress?: (text: string) => void;
}

export function startHere(options: StartOptions): Promise<LocalNetwork> {
  return startLocalNetwork({
    home: localHome(options.cheat),
    model: DEMO_MODEL,
    // The roles run what runs here: this entry point, on this Node.
    command: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
    ...options,
  });
}

/** The network file to use: the given one, or that of a network that runs here now. */
export async function runningNetwork(path?: string): Promise<NetworkFile | undefined> {
  if (path !== undefined) {
    try {
      return await loadNetwork(path);
    } catch (error) {
      throw new CliError(EXIT.usage, error instanceof Error ? error.message : String(error));
    }
  }
  try {
    const network = readNetworkFile(join(localHome(), "network.json"));
    if (network.gateway === undefined) return undefined;
    const health = await fetch(`${network.gateway}/healthz`, {
      signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
    });
    return health.ok ? network : undefined;
  } catch {
    return undefined;
  }
}

export function connectTo(
  network: NetworkFile,
  models: readonly string[] = [],
): Promise<Connection> {
  return connect({ network, loadProgram: programsFrom([...models, DEMO_MODEL.path]) });
}
