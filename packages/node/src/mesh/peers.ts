/** Who is on the other end: the HELLO of each linked peer, checked against its peer id (spec/05). */

import {
  bytesToHex,
  type Hello,
  type Message,
  type ProgramOffer,
  ROLES,
  signHello,
  verifyHello,
} from "@assay/wire";
import type { Link } from "./link.ts";

export interface Peer {
  readonly link: Link;
  readonly hello: Hello;
}

export interface Peers {
  /** To call for each new link: says who we are. */
  greet(link: Link): void;
  /** To call for each HELLO that arrives; false if its signature does not bind the address to the peer. */
  meet(link: Link, hello: Hello): boolean;
  withRole(role: keyof typeof ROLES): readonly Peer[];
  withAddress(address: Uint8Array): Peer | undefined;
  withLink(link: Link): Peer | undefined;
  /** Tells every peer that our HELLO has changed. */
  announce(): void;
}

export interface Self {
  readonly privateKey: Uint8Array;
  readonly address: Uint8Array;
  readonly peerBytes: Uint8Array;
  readonly chainId: bigint;
  readonly roles: number;
  readonly programs: readonly ProgramOffer[];
  readonly freeSlots: () => number;
}

export function createPeers(self: Self, onMeet: (peer: Peer) => void = () => undefined): Peers {
  const peers = new Map<Link, Peer>();
  const links = new Set<Link>();
  const signature = signHello(self.privateKey, self.peerBytes, self.chainId);

  function hello(): Message {
    return {
      type: "hello",
      address: self.address,
      roles: self.roles,
      programs: self.programs,
      freeSlots: self.freeSlots(),
      signature,
    };
  }
  function greet(link: Link): void {
    link.call(hello()).close();
  }

  return {
    greet(link) {
      links.add(link);
      link.closed.finally(() => {
        links.delete(link);
        peers.delete(link);
      });
      greet(link);
    },
    meet(link, received) {
      if (!verifyHello(received, link.peerBytes, self.chainId)) return false;
      const peer = { link, hello: received };
      peers.set(link, peer);
      onMeet(peer);
      return true;
    },
    withRole: (role) =>
      [...peers.values()].filter((peer) => (peer.hello.roles & ROLES[role]) !== 0),
    withAddress(address) {
      const wanted = bytesToHex(address);
      return [...peers.values()].find((peer) => bytesToHex(peer.hello.address) === wanted);
    },
    withLink: (link) => peers.get(link),
    announce() {
      for (const link of links) greet(link);
    },
  };
}
