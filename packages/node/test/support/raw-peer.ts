/** A libp2p node that speaks bytes instead of our protocol: streams to hold against a link. */

import { RPC_PROTOCOL } from "@assay/wire";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { onTestFinished } from "vitest";
import { keyOf } from "./keys.ts";

export interface RawPeer {
  readonly address: string;
  /** Streams that others opened to this peer, in order. */
  readonly accepted: readonly Stream[];
  dial(address: string): Promise<Stream>;
  stop(): Promise<void>;
}

/** Lives as long as the test. */
export async function startRawPeer(name: string): Promise<RawPeer> {
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed("Ed25519", keyOf(`raw ${name}`)),
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  const accepted: Stream[] = [];
  await node.handle(RPC_PROTOCOL, (stream) => {
    accepted.push(stream);
  });
  onTestFinished(() => node.stop());
  const [address] = node.getMultiaddrs();
  if (address === undefined) throw new Error("the peer listens nowhere");
  return {
    address: address.toString(),
    accepted,
    async dial(to) {
      const connection = await node.dial(multiaddr(to));
      return connection.newStream(RPC_PROTOCOL);
    },
    async stop() {
      await node.stop();
    },
  };
}
