/** The mesh of one role: a libp2p node on TCP, Noise and yamux, and one link to each peer. */

import { type Message, RPC_PROTOCOL } from "@assay/wire";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { type Call, type Link, openLink } from "./link.ts";

const REDIAL_MIN_MS = 100;
const REDIAL_MAX_MS = 5_000;

export interface Mesh {
  readonly peerId: string;
  /** What HELLO binds to an address: the multihash of the peer id. */
  readonly peerBytes: Uint8Array;
  /** Listening addresses with peer id. */
  readonly addresses: readonly string[];
  /** Keeps a link to the peer at `address`: dials, and dials again when it is lost, until `stop`. */
  keep(address: string): void;
  stop(): Promise<void>;
}

export interface MeshOptions {
  /** Seed of the peer key (`peerKeySeed`). */
  readonly seed: Uint8Array;
  /** Multiaddress to listen on, such as /ip4/127.0.0.1/tcp/0. */
  readonly listen: string;
  /** A link is there, dialled or accepted. */
  readonly onLink: (link: Link) => void;
  readonly onCall: (link: Link, call: Call, first: Message) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const privateKey = await generateKeyPairFromSeed("Ed25519", options.seed);
  const node = await createLibp2p({
    privateKey,
    addresses: { listen: [options.listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  const links = new Set<Link>();
  const stopping = new AbortController();

  function attach(stream: Stream, connection: Connection): Link {
    const link: Link = openLink({
      stream,
      peer: connection.remotePeer.toString(),
      peerBytes: connection.remotePeer.toMultihash().bytes,
      onCall: (call, first) => options.onCall(link, call, first),
      onError: options.onError,
    });
    links.add(link);
    link.closed.then(() => links.delete(link), options.onError);
    options.onLink(link);
    return link;
  }

  await node.handle(
    RPC_PROTOCOL,
    (stream, connection) => {
      attach(stream, connection);
    },
    { maxInboundStreams: 2 },
  );

  async function dialOnce(address: string): Promise<void> {
    const connection = await node.dial(multiaddr(address), { signal: stopping.signal });
    const stream = await connection.newStream(RPC_PROTOCOL, { signal: stopping.signal });
    await attach(stream, connection).closed;
  }

  async function keepDialling(address: string): Promise<void> {
    let delay = REDIAL_MIN_MS;
    while (!stopping.signal.aborted) {
      const started = performance.now();
      await dialOnce(address).catch((error: unknown) => {
        if (!stopping.signal.aborted && delay >= REDIAL_MAX_MS) options.onError(error);
      });
      // A link that lived a while was good: start over with short pauses.
      if (performance.now() - started > REDIAL_MAX_MS) delay = REDIAL_MIN_MS;
      await pause(delay, stopping.signal);
      delay = Math.min(2 * delay, REDIAL_MAX_MS);
    }
  }

  return {
    peerId: node.peerId.toString(),
    peerBytes: node.peerId.toMultihash().bytes,
    addresses: node.getMultiaddrs().map(String),
    keep: (address) => {
      keepDialling(address).catch(options.onError);
    },
    stop: async () => {
      stopping.abort();
      for (const link of links) link.close();
      await node.stop();
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
