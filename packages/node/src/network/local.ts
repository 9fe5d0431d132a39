/** A whole network on this machine: the development chain and each role as a process of its own. */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  connectChain,
  formatNetworkFile,
  type NetworkFile,
  openChain,
  parseNetworkFile,
} from "@assay/chain";
import {
  DEVELOPMENT_CHAIN_ID,
  DEVELOPMENT_TERMS,
  type DevelopmentChain,
  deployContracts,
  FAUCET_KEY,
  freePort,
  fund,
  startDevelopmentChain,
  TOKEN,
} from "@assay/chain/deployment";
import { addressOf, equalBytes } from "@assay/wire";
import { loadOrCreateKey, peerKeySeed } from "../keys.ts";
import { peerIdOf } from "../mesh/peer-id.ts";
import { programRootOfFile } from "../models.ts";
import type { Cheat } from "../worker/cheats.ts";
import { NETWORK_OF_PARENT, type RoleProcess, spawnRole } from "./child.ts";
import { lockHome, privateDirectory } from "./home.ts";

/** What each role gets from the faucet when it holds less than half of it. */
const GRANT_TOKENS = 10_000n * TOKEN;
const GRANT_WEI = 100n * 10n ** 18n;

const GATEWAY = "gateway";

export interface LocalModel {
  readonly name: string;
  readonly path: string;
}

export interface LocalNetworkOptions {
  /** Directory of this network's state. */
  readonly home: string;
  readonly workers: number;
  /** Makes the first worker cheat. */
  readonly cheat?: Cheat;
  readonly model: LocalModel;
  /** HTTP port of the gateway; 0 for any. */
  readonly port: number;
  /** `postgres://` URL of a role's database; files in `home` when absent. */
  readonly databaseOf?: (role: string) => string;
  /** Runs `assay`: executable and first arguments. */
  readonly command: readonly [string, ...string[]];
  readonly onProgress?: (text: string) => void;
}

export interface LocalNetwork {
  readonly network: NetworkFile;
  readonly networkFile: string;
  readonly gatewayUrl: string;
  /** The latest process of each role. */
  roles(): readonly RoleProcess[];
  /** Starts a role that has ended again, with the state that it left. @throws where there is none of this name */
  restart(name: string): RoleProcess;
  /** The address of the worker that cheats, if one was told to. */
  readonly cheater: Uint8Array | undefined;
  readonly chain: DevelopmentChain;
  readonly logs: string;
  /** Resolves when every role serves: the gateway does already. */
  readonly complete: Promise<void>;
  /** Resolves when the chain or the gateway ended by itself: without them there is no network. */
  readonly failed: Promise<string>;
  stop(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly kind: "worker" | "verifier" | "gateway";
  readonly home: string;
  readonly address: Uint8Array;
  readonly listen: string;
  readonly peerId: string;
}

export async function startLocalNetwork(options: LocalNetworkOptions): Promise<LocalNetwork> {
  const progress = options.onProgress ?? (() => undefined);
  const home = privateDirectory(options.home);
  const logs = privateDirectory(home, "logs");
  const unlock = lockHome(home);
  const started: { chain?: DevelopmentChain; cast?: Cast } = {};
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    // The roles first: what they still have to say goes to the chain.
    await Promise.all(started.cast?.roles().map((role) => role.stop()) ?? []);
    await started.chain?.stop();
    unlock();
  };
  const prepared = Promise.withResolvers<NetworkFile>();
  prepared.promise.catch(() => undefined);
  try {
    const members = await prepareMembers(home, options.workers);
    progress(`starting the development chain and ${members.length} processes`);
    const cast = createCast(members, (member) =>
      spawnRole({
        name: member.name,
        command: options.command,
        args: roleArguments(member, options, member === members[0] ? options.cheat : undefined),
        network: prepared.promise,
        logFile: join(logs, `${member.name}.log`),
        database: options.databaseOf?.(member.name),
      }),
    );
    started.cast = cast;
    // One worker and the gateway load while the chain is prepared; the others when these can answer already.
    const first = members.filter((member) => member === members[0] || member.name === GATEWAY);
    for (const { name } of first) cast.start(name);
    const chain = await startDevelopmentChain({ directory: privateDirectory(home, "chain") });
    started.chain = chain;
    const networkFile = join(home, "network.json");
    const network = await prepareNetwork(home, chain, members, options);
    // Before anybody uses the contracts: a start that dies here finds them again.
    writeAtomically(networkFile, formatNetworkFile(network));
    prepared.resolve(network);
    const gateway = cast.roles().find(({ name }) => name === GATEWAY);
    const gatewayUrl = (await gateway?.ready)?.url;
    if (gatewayUrl === undefined) throw new Error("the gateway did not say where it listens");
    for (const member of members) if (!first.includes(member)) cast.start(member.name);
    writeAtomically(networkFile, formatNetworkFile({ ...network, gateway: gatewayUrl }));
    const complete = Promise.all(cast.roles().map(({ ready }) => ready)).then(() => undefined);
    complete.catch(() => undefined);
    return {
      network,
      networkFile,
      gatewayUrl,
      roles: cast.roles,
      restart: cast.start,
      cheater: options.cheat === undefined ? undefined : members[0]?.address,
      chain,
      logs,
      complete,
      failed: endOfNetwork(chain, cast.roles(), (what) => {
        if (!stopping) progress(what);
      }),
      stop,
    };
  } catch (error) {
    prepared.reject(error);
    await stop();
    throw error;
  }
}

/** The members' processes. */
interface Cast {
  /** Those that were started, the latest of each member, in the members' order. */
  roles(): readonly RoleProcess[];
  /** @throws where there is no member of this name */
  start(name: string): RoleProcess;
}

function createCast(members: readonly Member[], spawn: (member: Member) => RoleProcess): Cast {
  const running = new Map<string, RoleProcess>();
  return {
    roles: () => members.flatMap(({ name }) => running.get(name) ?? []),
    start(name) {
      const member = members.find((candidate) => candidate.name === name);
      if (member === undefined) throw new RangeError(`no role is named ${name}`);
      const role = spawn(member);
      running.set(name, role);
      return role;
    },
  };
}

/** Resolves when the chain or the gateway has ended; tells of every other role that does. */
function endOfNetwork(
  chain: DevelopmentChain,
  roles: readonly RoleProcess[],
  tell: (what: string) => void,
): Promise<string> {
  const vital = [chain.ended.then(() => "the chain ended")];
  for (const { name, ended } of roles) {
    if (name === GATEWAY) vital.push(ended.then((how) => `${name} ended: ${how}`));
    else ended.then((how) => tell(`${name} ended (${how}); the others go on without it`), tell);
  }
  return Promise.race(vital);
}

/** Contracts, funds and the model's name: what the roles need on chain. */
async function prepareNetwork(
  home: string,
  chain: DevelopmentChain,
  members: readonly Member[],
  options: LocalNetworkOptions,
): Promise<NetworkFile> {
  const contracts = await contractsOf(home, chain, options.onProgress ?? (() => undefined));
  const network = networkOf(chain, contracts, members);
  // One after the other: both send from the faucet's account.
  await grant(network, members);
  await register(network, options.model);
  return network;
}

async function prepareMembers(home: string, workers: number): Promise<Member[]> {
  const kinds: readonly (readonly [string, Member["kind"]])[] = [
    ...Array.from({ length: workers }, (_, i) => [`worker-${i + 1}`, "worker"] as const),
    ["verifier", "verifier"],
    [GATEWAY, "gateway"],
  ];
  return Promise.all(
    kinds.map(async ([name, kind]) => {
      const directory = privateDirectory(home, name);
      const key = loadOrCreateKey(join(directory, "key"));
      const [port, peerId] = await Promise.all([freePort(), peerIdOf(peerKeySeed(key))]);
      const listen = `/ip4/127.0.0.1/tcp/${port}`;
      return { name, kind, home: directory, address: addressOf(key), listen, peerId };
    }),
  );
}

/** The contracts of an earlier run, where the chain's state still has them; new ones otherwise. */
async function contractsOf(
  home: string,
  chain: DevelopmentChain,
  progress: (text: string) => void,
): Promise<NetworkFile["contracts"]> {
  const file = join(home, "network.json");
  if (existsSync(file)) {
    const known = { ...parseNetworkFile(readFileSync(file, "utf8")), rpc: chain.url };
    const reader = await openChain(known);
    const code = await reader.rpc.getCode({ address: known.contracts.court });
    if (code !== undefined && code !== "0x") return known.contracts;
  }
  progress("deploying the contracts");
  return deployContracts({ rpc: chain.url, privateKey: FAUCET_KEY, terms: DEVELOPMENT_TERMS });
}

function networkOf(
  chain: DevelopmentChain,
  contracts: NetworkFile["contracts"],
  members: readonly Member[],
): NetworkFile {
  return {
    version: 1,
    chainId: DEVELOPMENT_CHAIN_ID,
    rpc: chain.url,
    contracts,
    // Everybody meets at the gateway and at the verifier.
    bootstrap: members
      .filter(({ kind }) => kind !== "worker")
      .map(({ listen, peerId }) => `${listen}/p2p/${peerId}`),
  };
}

async function grant(network: NetworkFile, members: readonly Member[]): Promise<void> {
  const reader = await openChain(network);
  const balances = await Promise.all(members.map(({ address }) => reader.tokenBalance(address)));
  const poor = members.filter((_, i) => (balances[i] ?? 0n) < GRANT_TOKENS / 2n);
  await fund(
    network.rpc,
    network.contracts.token,
    FAUCET_KEY,
    poor.map(({ address }) => ({ party: address, tokens: GRANT_TOKENS, wei: GRANT_WEI })),
  );
}

async function register(network: NetworkFile, model: LocalModel): Promise<void> {
  const root = programRootOfFile(model.path);
  const reader = await openChain(network);
  const [registered, name] = await Promise.all([reader.programOf(model.name), reader.nameOf(root)]);
  if (name !== undefined) return;
  if (registered !== undefined && !equalBytes(registered, root)) {
    throw new Error(
      `the name "${model.name}" belongs to another program on this network's chain; remove its directory to start afresh`,
    );
  }
  const faucet = await connectChain(network, FAUCET_KEY);
  await faucet.registerModel(root, model.name);
}

function roleArguments(
  member: Member,
  options: LocalNetworkOptions,
  cheat: Cheat | undefined,
): string[] {
  return [
    member.kind,
    "start",
    ...["--network", NETWORK_OF_PARENT],
    ...["--home", member.home],
    ...["--listen", member.listen],
    ...["--model", options.model.path],
    ...(member.kind === "gateway" ? ["--port", String(options.port)] : []),
    ...(cheat === undefined ? [] : ["--cheat", cheat]),
  ];
}

function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}
