/** Links over real streams: two libp2p nodes on loopback. */

import { createFrameDecoder, decodeMessage, encodeMessage, type Message } from "@assay/wire";
import type { Stream } from "@libp2p/interface";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Call, type Link, openLink } from "../src/mesh/link.ts";
import { eventually, pause } from "./support/eventually.ts";
import { startRawPeer } from "./support/raw-peer.ts";

interface End {
  readonly link: Link;
  readonly calls: { readonly call: Call; readonly first: Message }[];
  readonly errors: unknown[];
}

type Serve = (call: Call, first: Message) => Promise<void>;

/** A call that is served until its link ends, without being read. */
const unread: Serve = async () => {
  await new Promise(() => undefined);
};

function endOf(stream: Stream, serve: Serve = unread): End {
  const calls: End["calls"] = [];
  const errors: unknown[] = [];
  const link = openLink({
    stream,
    peer: "peer",
    peerBytes: Uint8Array.of(1),
    onCall: (call, first) => {
      calls.push({ call, first });
      return serve(call, first);
    },
    onError: (error) => errors.push(error),
  });
  return { link, calls, errors };
}

/** Both ends of one stream; the first dialled. */
async function streamPair(): Promise<readonly [Stream, Stream]> {
  const [a, b] = await Promise.all([startRawPeer("a"), startRawPeer("b")]);
  const near = await a.dial(b.address);
  const far = await eventually("the stream arrives", () => b.accepted[0]);
  return [near, far];
}

async function linkPair(serve: Serve = unread): Promise<readonly [End, End]> {
  const [near, far] = await streamPair();
  return [endOf(near, serve), endOf(far, serve)];
}

const get = (n: number): Message => ({
  type: "evidenceGet",
  receiptHash: new Uint8Array(32).fill(n),
});
const file = (n: number, length = 100): Message => ({
  type: "evidence",
  file: new Uint8Array(length).fill(n),
});

/** Answers each EVIDENCE_GET with a file of its number, slower ones later. */
const answering: Serve = async (call, first) => {
  if (first.type !== "evidenceGet") return;
  const n = first.receiptHash[0] ?? 0;
  await pause((n * 7) % 20);
  call.send(file(n));
};

describe("calls", () => {
  test("many at once, in both directions, each gets its own answer", async () => {
    const ends = await linkPair(answering);
    const asked = ends.flatMap(({ link }) =>
      Array.from({ length: 100 }, async (_, n) => {
        const call = link.call(get(n));
        expect(await call.next()).toEqual(file(n));
        call.close();
      }),
    );
    await Promise.all(asked);
    expect(ends.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test("the side that dialled numbers oddly, the other evenly, none twice", async () => {
    const [near, far] = await linkPair(answering);
    const odd = [1, 2, 3].map((n) => near.link.call(get(n)).id);
    const even = [1, 2, 3].map((n) => far.link.call(get(n)).id);
    expect(odd.map((id) => id % 2)).toEqual([1, 1, 1]);
    expect(even.map((id) => id % 2)).toEqual([0, 0, 0]);
    expect(new Set([...odd, ...even]).size).toBe(6);
    expect(even).not.toContain(0);
  });

  test("a call that is closed forgets its answers", async () => {
    const [near] = await linkPair(answering);
    const call = near.link.call(get(9));
    call.close();
    expect(await call.next()).toBeUndefined();
    await pause(60);
    expect(near.calls).toEqual([]);
    expect(near.errors).toEqual([]);
  });

  test("waiting can be given up, and the message is still there", async () => {
    const [near] = await linkPair(answering);
    const call = near.link.call(get(19));
    await expect(call.next(AbortSignal.timeout(1))).rejects.toThrow(/timeout/);
    expect(await call.next()).toEqual(file(19));
  });

  test("a handler that throws ends its call and no other", async () => {
    const [near, far] = await linkPair(async (call, first) => {
      if (first.type === "cancel") throw new Error("not now");
      call.send({ type: "ok" });
    });
    near.link.call({ type: "cancel" });
    expect(await near.link.call(get(1)).next()).toEqual({ type: "ok" });
    expect(far.errors).toEqual([new Error("not now")]);
  });
});

describe("writes", () => {
  test("frames of one turn leave together, and whole", async () => {
    const [near, far] = await streamPair();
    let writes = 0;
    const { send } = near;
    near.send = (data) => {
      writes++;
      return send.call(near, data);
    };
    const received: Message[] = [];
    const decoder = createFrameDecoder();
    far.addEventListener("message", (event) => {
      received.push(...decoder.push(event.data.subarray()).map(decodeMessage));
    });
    const { link } = endOf(near);
    for (let n = 0; n < 200; n++) link.call(get(n));
    await eventually("all arrive", () => received.length === 200);
    expect(writes).toBe(1);
    expect(received).toEqual(Array.from({ length: 200 }, (_, n) => get(n)));
  });

  test("3 MB in one turn arrive complete and in order", async () => {
    const [near, far] = await linkPair();
    for (let n = 0; n < 30; n++) near.link.call(file(n, 100_000));
    await eventually("all arrive", () => far.calls.length === 30);
    expect(far.calls.map(({ first }) => first)).toEqual(
      Array.from({ length: 30 }, (_, n) => file(n, 100_000)),
    );
    expect([...near.errors, ...far.errors]).toEqual([]);
  });
});

/** Resolves with what a call is told when its link is gone. */
async function ended(link: Link, cut: () => void): Promise<Message | undefined> {
  const waiting = link.call(get(1)).next(AbortSignal.timeout(5_000));
  await pause(20);
  cut();
  const answer = await waiting;
  await link.closed;
  return answer;
}

describe("the end of a link ends all its calls", () => {
  test("when the other side closes it", async () => {
    const [near, far] = await linkPair();
    expect(await ended(near.link, () => far.link.close())).toBeUndefined();
  });

  test("when this side closes it", async () => {
    const [near] = await linkPair();
    expect(await ended(near.link, () => near.link.close())).toBeUndefined();
  });

  test("when the other side resets the stream", async () => {
    const [stream, far] = await streamPair();
    expect(await ended(endOf(stream).link, () => far.abort(new Error("reset")))).toBeUndefined();
  });

  test("when the other side says that it will write no more", async () => {
    const [stream, far] = await streamPair();
    const { link } = endOf(stream);
    const closed = ended(link, () => {
      far.close().catch(() => undefined);
    });
    expect(await closed).toBeUndefined();
  });

  test("when the other process is gone", async () => {
    const [a, b] = await Promise.all([startRawPeer("a"), startRawPeer("b")]);
    const { link } = endOf(await a.dial(b.address));
    const stopping = ended(link, () => {
      b.stop().catch(() => undefined);
    });
    expect(await stopping).toBeUndefined();
  });

  test("and a call that comes later ends at once", async () => {
    const [near, far] = await linkPair();
    far.link.close();
    await near.link.closed;
    const late = near.link.call(get(1));
    expect(await late.next(AbortSignal.timeout(1_000))).toBeUndefined();
  });
});

/** A link whose other end writes what it likes. */
async function attacked(serve: Serve = unread): Promise<{ end: End; attacker: Stream }> {
  const [attacker, stream] = await streamPair();
  return { end: endOf(stream, serve), attacker };
}

const within = (link: Link): Promise<string> =>
  Promise.race([link.closed.then(() => "cut off"), pause(5_000).then(() => "still there")]);

describe("a peer that breaks the rules is cut off", () => {
  const bytes: readonly (readonly [string, Uint8Array])[] = [
    ["a frame too large", Uint8Array.of(1, 0, 16, 0, 13, 1, 0, 0, 0)],
    ["an unknown type", Uint8Array.of(0, 0, 0, 0, 200, 1, 0, 0, 0)],
    ["a body that is no message", Uint8Array.of(1, 0, 0, 0, 2, 1, 0, 0, 0, 7)],
    ["a message with more behind it", Uint8Array.of(1, 0, 0, 0, 13, 1, 0, 0, 0, 7)],
    ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ];
  test.each(bytes)("%s", async (_what, sent) => {
    const { end, attacker } = await attacked();
    attacker.send(sent);
    expect(await within(end.link)).toBe("cut off");
    expect(end.errors).toHaveLength(1);
    expect(end.calls).toEqual([]);
  });

  test("a frame that never ends holds nothing up, and is not cut off", async () => {
    const { end, attacker } = await attacked(answering);
    attacker.send(encodeMessage(1, get(1)).subarray(0, 20));
    const asked = end.link.call(get(2));
    await pause(50);
    expect(end.calls).toEqual([]);
    asked.close();
  });

  test("too many calls at once", async () => {
    const { end, attacker } = await attacked();
    for (let n = 0; n < 256; n++) attacker.send(encodeMessage(2 * n + 1, get(n % 256)));
    await eventually("256 calls", () => end.calls.length === 256);
    attacker.send(encodeMessage(2 * 256 + 1, get(0)));
    expect(await within(end.link)).toBe("cut off");
    expect(end.calls).toHaveLength(256);
  });

  test("more messages to one call than it is read", async () => {
    const { end, attacker } = await attacked();
    attacker.send(encodeMessage(1, get(1)));
    for (let n = 0; n < 1_100; n++) attacker.send(encodeMessage(1, { type: "ok" }));
    expect(await within(end.link)).toBe("cut off");
  });

  test("more bytes than a link may hold unread, in few messages", async () => {
    const { end, attacker } = await attacked();
    attacker.send(encodeMessage(1, get(1)));
    for (let n = 0; n < 40; n++) attacker.send(encodeMessage(1, file(n, 130_000)));
    expect(await within(end.link)).toBe("cut off");
  });

  test("but what was read or closed counts no more", async () => {
    const { end, attacker } = await attacked(async (call) => {
      while ((await call.next())?.type === "evidence");
    });
    for (let n = 0; n < 60; n++) {
      attacker.send(encodeMessage(1, file(n, 100_000)));
      await pause(1);
    }
    for (let n = 0; n < 3; n++) {
      const call = end.link.call(get(n));
      for (let m = 0; m < 20; m++) attacker.send(encodeMessage(call.id, file(m, 100_000)));
      await eventually("it has begun to arrive", async () =>
        call.next(AbortSignal.timeout(5_000)).then((message) => message !== undefined),
      );
      await pause(100);
      call.close();
    }
    expect(end.errors).toEqual([]);
  });

  test("one that is sent to, and does not read", async () => {
    const { end, attacker } = await attacked();
    attacker.pause();
    const call = end.link.call(get(1));
    for (let n = 0; n < 100; n++) {
      call.send(file(n, 100_000));
      await pause(1);
    }
    expect(await within(end.link)).toBe("cut off");
    expect(end.errors.map(String)).toEqual(["Error: the peer does not read"]);
  });

  test("answers to calls that were never made are dropped", async () => {
    const { end, attacker } = await attacked();
    for (const id of [2, 4, 1_000]) attacker.send(encodeMessage(id, { type: "ok" }));
    attacker.send(encodeMessage(1, get(1)));
    await eventually("the call after them", () => end.calls.length === 1);
    expect(end.errors).toEqual([]);
  });
});

test("nothing is left open when all is over", async () => {
  const [near, far] = await linkPair(answering);
  onTestFinished(() => near.link.close());
  await near.link.call(get(1)).next();
  await eventually("the served call is closed", async () => {
    const again = far.calls[0]?.call.next(AbortSignal.timeout(10));
    return again?.then((message) => message === undefined).catch(() => false);
  });
});
