/**
 * A link: one kept stream to one peer, on which calls are multiplexed (spec/05).
 *
 * Frames written in one turn of the event loop leave as one write: a stream per request, or a write per
 * frame, costs ten to a hundred times as much. Nothing a peer sends is buffered beyond the bounds below.
 */

import { createFrameDecoder, decodeMessage, encodeMessage, type Message } from "@assay/wire";
import type { Stream } from "@libp2p/interface";

/** Written at once when a turn has collected this much; the rest follows in the same turn. */
const FLUSH_BYTES = 64 * 1024;
/** Unread messages that one call may hold; the peer is cut off beyond. */
const MAX_QUEUED_MESSAGES = 1_024;
/** Unread bytes that the calls of one link may hold together: a token stream is read as it comes. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** Bytes that may wait for a peer to read them; one that reads no more is cut off. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
/** Calls that a peer may have open at once. */
const MAX_OPEN_CALLS = 256;

export interface Call {
  readonly id: number;
  send(message: Message): void;
  /** The next message, or undefined when the call or the link has ended. */
  next(signal?: AbortSignal): Promise<Message | undefined>;
  /** Forgets the call; later frames with its id are dropped. */
  close(): void;
}

export interface Link {
  readonly peer: string;
  /** The peer id as the transport authenticated it (its multihash). */
  readonly peerBytes: Uint8Array;
  /** Opens a call with its first message. */
  call(first: Message): Call;
  /** Resolves when the link is gone. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface LinkOptions {
  readonly stream: Stream;
  readonly peer: string;
  readonly peerBytes: Uint8Array;
  /** Handles a call that the peer opened; runs until it returns, then the call is closed. */
  readonly onCall: (call: Call, first: Message) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export function openLink(options: LinkOptions): Link {
  const { stream, peer, onCall, onError } = options;
  const calls = new Map<number, Inbox>();
  const writer = createWriter(options);
  const decoder = createFrameDecoder();
  // The two sides number their calls apart, so that ids never meet.
  const ours = stream.direction === "outbound" ? 1 : 0;
  let counter = 0;
  let gone = false;
  const unread: Unread = { bytes: 0 };
  const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>();

  function open(id: number): Inbox {
    const inbox = createInbox({
      id,
      unread,
      send: (message) => writer.write(encodeMessage(id, message)),
      forget: () => calls.delete(id),
    });
    if (gone) inbox.end();
    else calls.set(id, inbox);
    return inbox;
  }

  function accept(id: number, message: Message, size: number): void {
    const known = calls.get(id);
    if (known !== undefined) {
      if (!known.push(message, size))
        throw new Error("the peer sends faster than its call is read");
      return;
    }
    // An answer to a call we have closed; only the peer's own numbers may open one.
    if (id % 2 === ours) return;
    if (calls.size >= MAX_OPEN_CALLS) throw new Error(`the peer has ${calls.size} calls open`);
    const inbox = open(id);
    onCall(inbox.call, message)
      .catch(onError)
      .finally(() => inbox.call.close());
  }

  stream.addEventListener("message", (event) => {
    try {
      for (const frame of decoder.push(event.data.subarray())) {
        accept(frame.requestId, decodeMessage(frame), frame.body.length);
      }
    } catch (error) {
      cutOff(options, error);
    }
  });
  // Neither side ever ends only its own direction: calls need both.
  stream.addEventListener("remoteCloseWrite", () => stream.abort(new Error("closed by the peer")));
  stream.addEventListener("close", () => {
    gone = true;
    for (const inbox of calls.values()) inbox.end();
    calls.clear();
    markClosed();
  });

  return {
    peer,
    peerBytes: options.peerBytes,
    closed,
    call(first) {
      counter = (counter + 1) % 0x4000_0000;
      const inbox = open(2 * counter + ours);
      inbox.call.send(first);
      return inbox.call;
    },
    close: () => stream.abort(new Error("closed by this side")),
  };
}

function cutOff({ stream, onError }: LinkOptions, error: unknown): void {
  onError(error);
  stream.abort(error instanceof Error ? error : new Error(String(error)));
}

interface Writer {
  write(frame: Uint8Array): void;
}

function createWriter(options: LinkOptions): Writer {
  const { stream } = options;
  let pending: Uint8Array[] = [];
  let size = 0;
  function flush(): void {
    const frames = pending;
    pending = [];
    size = 0;
    if (stream.writeStatus !== "writable") return;
    const [only] = frames;
    if (frames.length === 1 && only !== undefined) stream.send(only);
    else if (frames.length > 1) stream.send(Buffer.concat(frames));
    if (stream.writeBufferLength > MAX_UNSENT_BYTES) {
      cutOff(options, new Error("the peer does not read"));
    }
  }
  return {
    write(frame) {
      pending.push(frame);
      size += frame.length;
      if (size >= FLUSH_BYTES) flush();
      else if (pending.length === 1) queueMicrotask(flush);
    },
  };
}

/** Of one link: bytes that its calls have received and nobody has read. */
interface Unread {
  bytes: number;
}

interface Inbox {
  readonly call: Call;
  /** False if the call or the link holds too much unread. */
  push(message: Message, size: number): boolean;
  end(): void;
}

interface InboxOptions {
  readonly id: number;
  readonly unread: Unread;
  readonly send: (message: Message) => void;
  readonly forget: () => void;
}

function createInbox({ id, unread, send, forget }: InboxOptions): Inbox {
  let queue: { readonly message: Message; readonly size: number }[] = [];
  let waiting: ((message: Message | undefined) => void) | undefined;
  let ended = false;
  function take(): Message | undefined {
    const first = queue.shift();
    unread.bytes -= first?.size ?? 0;
    return first?.message;
  }
  function end(): void {
    ended = true;
    waiting?.(undefined);
    waiting = undefined;
  }
  const call: Call = {
    id,
    send(message) {
      if (!ended) send(message);
    },
    next(signal) {
      const ready = take();
      if (ready !== undefined || ended) return Promise.resolve(ready);
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiting = undefined;
          reject(signal?.reason);
        };
        if (signal?.aborted) return onAbort();
        signal?.addEventListener("abort", onAbort, { once: true });
        waiting = (message) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(message);
        };
      });
    },
    close() {
      forget();
      for (const { size } of queue) unread.bytes -= size;
      queue = [];
      end();
    },
  };
  return {
    call,
    end,
    push(message, size) {
      if (waiting !== undefined) {
        const resolve = waiting;
        waiting = undefined;
        resolve(message);
        return true;
      }
      if (queue.length >= MAX_QUEUED_MESSAGES) return false;
      if (unread.bytes + size > MAX_UNREAD_BYTES) return false;
      queue.push({ message, size });
      unread.bytes += size;
      return true;
    },
  };
}
