/** The gateway: HTTP in front, orders behind; verifies every receipt before it vouches for an answer. */

import { join } from "node:path";
import { connectChain } from "@assay/chain";
import { ROLES, RPC_CODES } from "@assay/wire";
import { createAdaptorServer } from "@hono/node-server";
import { loadModels } from "../models.ts";
import { joinMesh, type Role, type RoleOptions } from "../role.ts";
import { openDatabase } from "../store/database.ts";
import { type AnswerContext, answerable, type Candidate } from "./answer.ts";
import { createApp } from "./app.ts";
import { candidatesAmong, cheapestFirst } from "./candidates.ts";
import { createChannels } from "./channels.ts";
import { createChatService } from "./chat-service.ts";
import { openDesk } from "./desk.ts";
import type { Payer } from "./run-order.ts";

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
}

export interface Gateway extends Role {
  readonly url: string;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log } = options;
  const stopping = new AbortController();
  const models = loadModels(options.models);
  const database = openDatabase(join(options.home, "gateway.sqlite"));
  const chain = await connectChain(options.network, options.privateKey);
  const channels = createChannels({ chain, amount: options.channelAmount, log });
  const payer: Payer = {
    privateKey: options.privateKey,
    address: chain.address,
    domain: chain.domain,
    deadlineSeconds: DEADLINE_SECONDS,
    onSpent: channels.topUp,
  };
  const desk = await openDesk({ database, chain, models, payer, log, signal: stopping.signal });
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
    workersFor: async (root, signal) =>
      cheapestFirst(await answerable(() => candidates(root), FIRST_WORKER_MS, signal)),
    judge: desk.judge,
    standing: desk.judge.standing,
    log,
  };
  const { server, url, hosts } = await listen(options);
  const app = createApp({
    chat: createChatService({ chain, models, answering }),
    book: desk.shelf,
    hosts,
    ready: () => [...models.values()].some(({ root }) => candidates(root).length > 0),
    log,
  });
  server.serve(app.fetch);
  return {
    addresses: mesh.addresses,
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

type Fetch = (request: Request) => Response | Promise<Response>;

/** Listens at once, so that the port is known; requests wait for the app. */
async function listen({ host, port }: GatewayOptions) {
  const { promise: app, resolve: serve } = Promise.withResolvers<Fetch>();
  const server = createAdaptorServer({ fetch: async (request: Request) => (await app)(request) });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    hosts: new Set([`${name}:${bound}`, `localhost:${bound}`, `127.0.0.1:${bound}`]),
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
