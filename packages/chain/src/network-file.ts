/** The network file: all that a role needs to join a network from elsewhere. */

import { ChainError } from "./chain-error.ts";

export type Address = `0x${string}`;

export const CONTRACT_NAMES = [
  "token",
  "models",
  "stake",
  "escrow",
  "settlement",
  "court",
] as const;
export type ContractName = (typeof CONTRACT_NAMES)[number];

export interface NetworkFile {
  readonly version: 1;
  readonly chainId: number;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  readonly contracts: Readonly<Record<ContractName, Address>>;
  /** Multiaddresses with peer id of nodes to dial first. */
  readonly bootstrap: readonly string[];
  /** Base URL of a gateway, where the network runs one. */
  readonly gateway?: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isAddress = (value: unknown): value is Address =>
  typeof value === "string" && /^0x[0-9a-fA-F]{40}$/.test(value);

function fail(field: string, problem: string): never {
  throw new ChainError({ code: "CHAIN_NETWORK_FILE", field, problem });
}

function httpUrl(value: unknown, field: string): string {
  if (typeof value !== "string" || !URL.canParse(value)) fail(field, "is not a URL");
  if (!["http:", "https:"].includes(new URL(value).protocol)) fail(field, "is not an http(s) URL");
  return value;
}

/** Reads a network file's text. @throws {ChainError} `CHAIN_NETWORK_FILE` naming the field. */
export function parseNetworkFile(text: string): NetworkFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ChainError(
      { code: "CHAIN_NETWORK_FILE", field: "text", problem: "is not JSON" },
      { cause: error },
    );
  }
  if (!isRecord(value)) fail("text", "is not a JSON object");
  const { version, chainId, contracts, bootstrap } = value;
  if (version !== 1) fail("version", `is ${JSON.stringify(version)}, expected 1`);
  if (typeof chainId !== "number" || !Number.isSafeInteger(chainId) || chainId < 1) {
    fail("chainId", "is not a positive integer");
  }
  if (!Array.isArray(bootstrap) || !bootstrap.every((peer) => typeof peer === "string")) {
    fail("bootstrap", "is not a list of multiaddresses");
  }
  const rpc = httpUrl(value["rpc"], "rpc");
  const gateway = value["gateway"];
  return {
    version: 1,
    chainId,
    rpc,
    contracts: parseContracts(contracts),
    bootstrap,
    ...(gateway === undefined ? {} : { gateway: httpUrl(gateway, "gateway") }),
  };
}

function parseContracts(value: unknown): Record<ContractName, Address> {
  if (!isRecord(value)) fail("contracts", "is not an object");
  const address = (name: ContractName): Address => {
    const entry = value[name];
    return isAddress(entry) ? entry : fail(`contracts.${name}`, "is not an address");
  };
  return {
    token: address("token"),
    models: address("models"),
    stake: address("stake"),
    escrow: address("escrow"),
    settlement: address("settlement"),
    court: address("court"),
  };
}

/** Writes what `parseNetworkFile` reads. */
export const formatNetworkFile = (network: NetworkFile): string =>
  `${JSON.stringify(network, null, 2)}\n`;
