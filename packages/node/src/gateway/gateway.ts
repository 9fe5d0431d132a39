/** The gateway: HTTP in front, orders behind; verifies every receipt before it vouches for an answer. */

import { type ChainClient, connectChain, formatNetworkFile } from "@assay/chain";
import { bytesToHex, ROLES, RPC_CODES } from "@assay/wire";
import { createAdaptorServer } from "@hono/node-server";
import type { Peer, Peers } from "../mesh/peers.ts";
import { type LoadedModel, loadModels } from "../models.ts";
import { joinMesh, openRoleDatabase, type Role, type RoleOptions } from "../role.ts";
import { type AnswerContext, answerable, type Candidate } from "./answer.ts";
import { candidatesAmong, cheapestFirst } from "./candidates.ts";
import { type Channels, createChannels } from "./channels.ts";
import { type Desk, openDesk } from "./desk.ts";
import { createApp } from "./http/app.ts";
import { createMetrics } from "./metrics.ts";
import { createQueue } from "./queue.ts";
import type { Payer } from "./run-order.ts";
import { loadSite } from "./site.ts";
import { createTextService } from "./text-service.ts";
import { createVerifyService } from "./verify-service.ts";

/** How long a request waits for the first worker to appear. */
const FIRST_WORKER_MS = 10_000;
const DEADLINE_SECONDS = 600;
const MAX_PROMPT_PRICE = 10n ** 13n;
const MAX_OUTPUT_PRICE = 3n * MAX_PROMPT_PRICE;

export interface GatewayOptions extends RoleOptions {
  /** HTTP, loopback unless the operator says otherwise. */
  readonly host: string;
  readonly port: number;
  /** What each worker's channel is filled up to, in base units. */
  readonly channelAmount: bigint;
  /** The most that is paid for a token; what workers ask by default, ten times, when left out. */
  readonly maxPromptPrice?: bigint;
  readonly maxOutputPrice?: bigint;
  /** Who may ask: bearers of one of these; everybody on this machine where there are none. */
  readonly apiKeys?: readonly string[];
  /** Folder of the built web page; none is served where it is left out. */
  readonly site?: string;
  /**
   * RPC for the page and for whoever joins by `/network.json`; the network's own where that has nothing in it that could be
   * a key. Neither is served where there is none.
   */
  readonly publicRpc?: string;
  /** Names, with their ports, that clients reach this gateway by besides the address that it listens on. */
  readonly publicHosts?: readonly string[];
  /** Of the program, as `/version` tells it. */
  readonly version: string;
}

export interface Gateway extends Role {
  readonly url: string;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log } = options;
  checkExposure(options);
  const stopping = new AbortController();
  const { signal } = stopping;
  const models = loadModels(options.models);
  const database = await openRoleDatabase(options, "gateway");
  const chain = await connectChain(options.network, options.privateKey);
  const channels = createChannels({ chain, amount: options.channelAmount, log, signal });
  const payer: Payer = {
    privateKey: options.privateKey,
    address: chain.address,
    domain: chain.domain,
    deadlineSeconds: DEADLINE_SECONDS,
    onSpent: channels.topUp,
  };
  const desk = await openDesk({ database, chain, models, payer, log, signal });
  const { mesh, peers } = await joinMesh({
    role: options,
    self: { address: chain.address, roles: ROLES.gateway, programs: [], freeSlots: () => 0 },
    onCall: async (_peer, call) => {
      const text = "a gateway answers over HTTP only";
      call.send({ type: "fail", code: RPC_CODES.protocol, text });
    },
    onMeet: (peer) => {
      if ((peer.hello.roles & ROLES.worker) !== 0) channels.open(peer.hello.address);
      desk.met(peer);
    },
  });
  const limit = {
    maxPromptPrice: options.maxPromptPrice ?? MAX_PROMPT_PRICE,
    maxOutputPrice: options.maxOutputPrice ?? MAX_OUTPUT_PRICE,
  };
  const candidates = (root: Uint8Array): readonly Candidate[] => {
    const funded = peers.withRole("worker").filter(({ hello }) => channels.isOpen(hello.address));
    return candidatesAmong(funded, root, limit);
  };
  const answering: AnswerContext = {
    payer,
    book: desk.book,
    running: desk.running,
    workersFor: async (root, until) =>
      cheapestFirst(await answerable(() => candidates(root), FIRST_WORKER_MS, until)),
    judge: desk.judge,
    standing: desk.judge.standing,
    log,
  };
  const { server, url, hosts } = await listen(options);
  const { addresses } = mesh;
  const parts = { options, chain, models, answering, desk, channels, peers, candidates };
  const app = createApi({ ...parts, hosts, addresses });
  server.serve(app.fetch);
  return {
    addresses,
    url,
    async stop() {
      stopping.abort();
      await server.close();
      await mesh.stop();
      await Promise.all([channels.settled(), desk.done()]);
      await database.destroy();
    },
  };
}

interface ApiParts {
  readonly options: GatewayOptions;
  readonly chain: ChainClient;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly answering: AnswerContext;
  readonly desk: Desk;
  readonly channels: Channels;
  readonly peers: Peers;
  readonly candidates: (root: Uint8Array) => readonly Candidate[];
  readonly hosts: ReadonlySet<string>;
  /** Of its mesh: others that join can meet here. */
  readonly addresses: readonly string[];
}

/** The HTTP API over all that the gateway has. */
function createApi(parts: ApiParts) {
  const { options, chain, models, answering, desk, channels, peers, candidates } = parts;
  const funded = (): readonly Peer[] =>
    peers.withRole("worker").filter(({ hello }) => channels.isOpen(hello.address));
  // Whoever is asked no more has no room for anybody.
  const asked = (): readonly Peer[] =>
    funded().filter(({ hello }) => !answering.standing.isBanned(hello.address));
  const queue = createQueue({
    capacity: () => asked().reduce((sum, { hello }) => sum + Math.max(1, hello.freeSlots), 0),
  });
  const roots = [...models.values()].map(({ root }) => root);
  const programPath = (root: string): string | undefined => models.get(root)?.path;
  const rpc = options.publicRpc ?? publicRpcOf(options.network.rpc);
  if (rpc === undefined) {
    options.log.warn(
      "the RPC may have a key in its URL: no page and no network file are served; name another with --public-rpc",
    );
  }
  return createApp(
    {
      programPath,
      networkFile:
        rpc === undefined
          ? undefined
          : formatNetworkFile({
              ...options.network,
              rpc,
              bootstrap: [...new Set([...options.network.bootstrap, ...parts.addresses])],
            }),
      site:
        options.site === undefined || rpc === undefined
          ? new Map()
          : loadSite({ folder: options.site, rpc, programPath }),
      text: createTextService({ chain, models, answering, queue }),
      metrics: createMetrics({
        workers: () => funded().length,
        running: queue.running,
        waiting: queue.waiting,
      }),
      shelf: desk.shelf,
      book: desk.book,
      verify: createVerifyService(models, chain.domain),
      readiness: () => ({
        models: roots.length > 0,
        worker: roots.some((root) => candidates(root).length > 0),
      }),
      workers: () =>
        peers.withRole("worker").map(({ hello }) => ({
          ...hello,
          funded: channels.isOpen(hello.address),
          banned: answering.standing.isBanned(hello.address),
        })),
      priceOf: (root) => cheapestFirst(candidates(root))[0]?.offer,
      fingerprint: ({ root }) => `assay_${bytesToHex(root).slice(0, 16)}`,
      version: options.version,
      log: options.log,
    },
    { hosts: parts.hosts, apiKeys: options.apiKeys ?? [] },
  );
}

/** Providers put a secret into the path, the query or the user's part: what has any of these is not told. */
function publicRpcOf(rpc: string): string | undefined {
  const { pathname, search, username, password } = new URL(rpc);
  return pathname === "/" && search === "" && username === "" && password === "" ? rpc : undefined;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Who reaches the gateway spends its channels: beyond this machine only with a key. */
function checkExposure({ host, apiKeys = [] }: GatewayOptions): void {
  if (LOOPBACK.test(host) || apiKeys.length > 0) return;
  throw new Error(
    `the gateway will not listen on ${host} without API keys: whoever reaches it spends its money. Give keys with --api-keys FILE, or listen on 127.0.0.1`,
  );
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** Listens at once, so that the port is known; requests wait for the app. */
async function listen({ host, port, publicHosts = [] }: GatewayOptions) {
  const { promise: app, resolve: serve } = Promise.withResolvers<Fetch>();
  const server = createAdaptorServer({ fetch: async (request: Request) => (await app)(request) });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const isTaken = "code" in error && error.code === "EADDRINUSE";
      reject(isTaken ? new Error(`port ${port} is in use on ${host}; choose another`) : error);
    });
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    hosts: new Set([
      `${name}:${bound}`,
      `localhost:${bound}`,
      `127.0.0.1:${bound}`,
      ...publicHosts,
    ]),
    server: {
      serve,
      close: () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          if ("closeAllConnections" in server) server.closeAllConnections();
        }),
    },
  };
}
