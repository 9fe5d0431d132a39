/** Parties on the real mesh: members that keep the protocol's manners, and strangers that say what they like. */

import type { NetworkFile } from "@assay/chain";
import { type Hello, type Message, ROLES, signHello } from "@assay/wire";
import { onTestFinished } from "vitest";
import type { Call, Link } from "../../src/mesh/link.ts";
import { type Mesh, startMesh } from "../../src/mesh/mesh.ts";
import type { Peer, Peers, Self } from "../../src/mesh/peers.ts";
import { joinMesh, type RoleOptions } from "../../src/role.ts";
import { DEMO_PATH } from "./demo.ts";
import { addressNamed, keyOf } from "./keys.ts";
import { quietLog } from "./log.ts";

const LISTEN = "/ip4/127.0.0.1/tcp/0";

/** What a role of this name is started with; `home` is the caller's to remove. */
export const roleOptions = (name: string, network: NetworkFile, home: string): RoleOptions => ({
  home,
  network,
  privateKey: keyOf(name),
  listen: LISTEN,
  models: [DEMO_PATH],
  log: quietLog,
});

export interface MemberOptions {
  readonly name: string;
  readonly network: NetworkFile;
  readonly listen?: string;
  readonly self?: Partial<Pick<Self, "roles" | "programs" | "freeSlots">>;
  readonly onCall?: (call: Call, first: Message, peer: Peer | undefined) => Promise<void>;
}

export interface Member {
  readonly mesh: Mesh;
  readonly peers: Peers;
  /** Names of the addresses met so far, again each time. */
  readonly met: Uint8Array[];
}

/** A role's own mesh and manners, with what it answers given; lives as long as the test. */
export async function startMember(options: MemberOptions): Promise<Member> {
  const { name, network, self, onCall, listen = LISTEN } = options;
  const met: Uint8Array[] = [];
  const { mesh, peers } = await joinMesh({
    role: { ...roleOptions(name, network, ""), listen },
    self: {
      address: addressNamed(name),
      roles: 0,
      programs: [],
      freeSlots: () => 0,
      ...self,
    },
    onCall: async (peer, call, first) => onCall?.(call, first, peer),
    onMeet: (peer) => met.push(peer.hello.address),
  });
  onTestFinished(() => mesh.stop());
  return { mesh, peers, met };
}

export interface Stranger {
  readonly mesh: Mesh;
  readonly links: Link[];
  hello(change?: Partial<Hello>): Message;
}

/** A peer that says nothing by itself; lives as long as the test. */
export async function startStranger(name: string, chainId: bigint): Promise<Stranger> {
  const links: Link[] = [];
  const mesh = await startMesh({
    seed: keyOf(`peer of ${name}`),
    listen: LISTEN,
    onLink: (link) => links.push(link),
    onCall: async () => undefined,
    onError: () => undefined,
  });
  onTestFinished(() => mesh.stop());
  return {
    mesh,
    links,
    hello: (change = {}) => ({
      type: "hello",
      address: addressNamed(name),
      roles: ROLES.worker,
      programs: [],
      freeSlots: 1,
      signature: signHello(keyOf(name), mesh.peerBytes, chainId),
      ...change,
    }),
  };
}
