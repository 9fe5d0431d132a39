/** What every role is started with, and what it has when it runs. */

import { join } from "node:path";
import { type ChainClient, ChainError, connectChain, type NetworkFile, toHex } from "@assay/chain";
import type { Message } from "@assay/wire";
import { peerKeySeed } from "./keys.ts";
import type { Logger } from "./logger.ts";
import type { Call, Link } from "./mesh/link.ts";
import { type Mesh, startMesh } from "./mesh/mesh.ts";
import { createPeers, type Peer, type Peers, type Self } from "./mesh/peers.ts";
import { type Database, openDatabase } from "./store/database.ts";

export interface RoleOptions {
  /** Directory of this role's database; it exists. */
  readonly home: string;
  /** A `postgres://` URL in place of a file in `home`: a database, or a schema, of this role's own. */
  readonly database?: string;
  readonly network: NetworkFile;
  readonly privateKey: Uint8Array;
  /** Multiaddress to listen on. */
  readonly listen: string;
  /** Program files to load. */
  readonly models: readonly string[];
  readonly log: Logger;
}

/** A running role. */
export interface Role {
  readonly addresses: readonly string[];
  /** Ends what runs, in reverse order of starting. Nothing that was acknowledged is lost. */
  stop(): Promise<void>;
}

export interface Joined {
  readonly mesh: Mesh;
  readonly peers: Peers;
}

export interface JoinOptions {
  readonly role: RoleOptions;
  readonly self: Omit<Self, "privateKey" | "peerBytes" | "chainId">;
  readonly onCall: (peer: Peer | undefined, call: Call, first: Message) => Promise<void>;
  readonly onMeet?: (peer: Peer) => void;
}

/** Joins the mesh: links to the bootstrap peers, says HELLO, and hands every other call on. */
export async function joinMesh(options: JoinOptions): Promise<Joined> {
  const { role, self } = options;
  const { log } = role;
  let peers: Peers | undefined;
  const waiting: Link[] = [];

  async function onCall(link: Link, call: Call, first: Message): Promise<void> {
    if (first.type !== "hello") {
      const peer = peers?.withLink(link);
      return options.onCall(peer, call, first);
    }
    if (peers?.meet(link, first)) return;
    log.warn({ peer: link.peer }, "HELLO is not signed by the address it names");
    link.close();
  }

  const mesh = await startMesh({
    seed: peerKeySeed(role.privateKey),
    listen: role.listen,
    onLink: (link) => {
      if (peers === undefined) waiting.push(link);
      else peers.greet(link);
    },
    onCall,
    onError: (error) => log.debug({ err: error }, "mesh"),
  });
  peers = createPeers(
    {
      ...self,
      privateKey: role.privateKey,
      peerBytes: mesh.peerBytes,
      chainId: BigInt(role.network.chainId),
    },
    options.onMeet,
  );
  for (const link of waiting) peers.greet(link);
  const own = `/p2p/${mesh.peerId}`;
  for (const address of role.network.bootstrap) if (!address.endsWith(own)) mesh.keep(address);
  return { mesh, peers };
}

/** The database that the role was given, or its file. */
export const openRoleDatabase = (
  { database, home }: Pick<RoleOptions, "database" | "home">,
  kind: "gateway" | "verifier" | "worker",
): Promise<Database> => openDatabase(database ?? join(home, `${kind}.sqlite`));

/**
 * Connects to the chain and bonds the least stake that the network asks for.
 *
 * @throws {ChainError} `CHAIN_FUNDS` where the account has not the tokens for it, or nothing for fees
 */
export async function connectStaked(options: RoleOptions): Promise<ChainClient> {
  const chain = await connectChain(options.network, options.privateKey);
  const { address } = chain;
  const stake = await chain.minStake();
  const [bonded, tokens, coins] = await Promise.all([
    chain.stakeOf(address),
    chain.tokenBalance(address),
    chain.coinBalance(address),
  ]);
  const account = { address: toHex(address), chainId: options.network.chainId };
  const { token } = options.network.contracts;
  const funds = (asset: string | null, needed: bigint, held: bigint) =>
    new ChainError({ code: "CHAIN_FUNDS", ...account, token: asset, needed, held });
  if (bonded + tokens < stake) throw funds(token, stake - bonded, tokens);
  if (coins === 0n) throw funds(null, 1n, 0n);
  await chain.ensureStake(stake);
  return chain;
}
