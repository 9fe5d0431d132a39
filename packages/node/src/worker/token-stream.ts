/**
 * Sends an answer's tokens, never more than MAX_UNDELIVERED beyond what the client has acknowledged by a signed
 * Delivery (spec/05 §5.5): what either side loses by the other's silence is that many tokens.
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  deliveryHash,
  equalBytes,
  MAX_UNDELIVERED,
  type Message,
  recoverTyped,
  type SigningDomain,
  tokenCommitment,
} from "@assay/wire";
import type { Call } from "../mesh/link.ts";

/** How long a client may take to acknowledge tokens. */
const DELIVERY_TIMEOUT_MS = 10_000;

/** Why the client takes no more; `left` also where its connection is gone. */
export type StreamEnd = "cancelled" | "left" | "silent" | "protocol";

export interface TokenStream {
  /** Undefined, or a promise to wait for before there is another token. */
  readonly push: (token: number) => Promise<void> | undefined;
  /** Sends the rest, and resolves when the client has acknowledged all or takes no more. */
  finish(): Promise<void>;
  /** All tokens that were pushed. */
  readonly tokens: readonly number[];
  /** How many of them are acknowledged, and the client's signature of that. */
  readonly delivered: { readonly count: number; readonly signature: Uint8Array | null };
  /** Set once the client takes no more. */
  readonly ended: StreamEnd | undefined;
  /** Aborts when `ended` is set. */
  readonly signal: AbortSignal;
  /** Stops listening to the call. */
  close(): void;
}

export interface TokenStreamOptions {
  readonly call: Call;
  readonly domain: SigningDomain;
  readonly orderHash: Uint8Array;
  readonly client: Uint8Array;
  readonly outputSalt: Uint8Array;
  /** For tests; DELIVERY_TIMEOUT_MS when absent. */
  readonly timeoutMs?: number;
}

export function openTokenStream(options: TokenStreamOptions): TokenStream {
  const stream = new AcknowledgedStream(options);
  stream.listen().catch(() => undefined);
  return stream;
}

class AcknowledgedStream implements TokenStream {
  readonly tokens: number[] = [];
  delivered: { count: number; signature: Uint8Array | null } = { count: 0, signature: null };
  ended: StreamEnd | undefined;
  readonly #options: TokenStreamOptions;
  readonly #over = new AbortController();
  readonly #closed = new AbortController();
  #sent = 0;
  #lastAsked = false;
  #flushing: Promise<void> | undefined;
  /** Something was acknowledged, or the stream has ended. */
  #changed = Promise.withResolvers<void>();

  constructor(options: TokenStreamOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  readonly push = (token: number): Promise<void> | undefined => {
    this.tokens.push(token);
    // Tokens of one turn of the event loop travel in one message.
    this.#flushing ??= sleep(0).then(() => {
      this.#flushing = undefined;
      this.#send(false);
    });
    return this.#isAhead() ? this.#room() : undefined;
  };

  async finish(): Promise<void> {
    while (this.delivered.count < this.tokens.length && this.ended === undefined) {
      this.#send(true);
      await this.#change();
    }
  }

  close(): void {
    this.#closed.abort();
  }

  async listen(): Promise<void> {
    while (this.ended === undefined) {
      const message = await this.#options.call.next(this.#closed.signal);
      this.#take(message);
    }
  }

  #isAhead(): boolean {
    return this.tokens.length - this.delivered.count >= MAX_UNDELIVERED;
  }

  async #room(): Promise<void> {
    while (this.#isAhead() && this.ended === undefined) {
      this.#send(false);
      await this.#change();
    }
  }

  /** Waits for an acknowledgement; a client that gives none in time is silent. */
  async #change(): Promise<void> {
    const limit = this.#options.timeoutMs ?? DELIVERY_TIMEOUT_MS;
    const woken = new AbortController();
    const timeout = sleep(limit, "late" as const, { signal: woken.signal }).catch(() => undefined);
    const first = await Promise.race([this.#changed.promise, timeout]);
    woken.abort();
    if (first === "late") this.#end("silent");
  }

  /** Sends what may be sent. Half of what may be undelivered, and the `last`, asks to be acknowledged. */
  #send(last: boolean): void {
    const upTo = Math.min(this.tokens.length, this.delivered.count + MAX_UNDELIVERED);
    const isAsked = last && !this.#lastAsked;
    if (this.ended !== undefined || (upTo === this.#sent && !isAsked)) return;
    this.#lastAsked = last;
    const tokens = this.tokens.slice(this.#sent, upTo);
    this.#sent = upTo;
    const acknowledge = last || upTo - this.delivered.count >= MAX_UNDELIVERED / 2;
    this.#options.call.send({ type: "tokens", tokens, acknowledge });
  }

  #take(message: Message | undefined): void {
    if (message === undefined) this.#end("left");
    else if (message.type === "cancel") this.#end("cancelled");
    else if (message.type !== "delivered" || !this.#isDelivery(message)) this.#end("protocol");
    else {
      this.delivered = { count: message.outputTokens, signature: message.signature };
      this.#wake();
    }
  }

  #isDelivery({ outputTokens, signature }: Extract<Message, { type: "delivered" }>): boolean {
    if (outputTokens <= this.delivered.count || outputTokens > this.#sent) return false;
    const { domain, client, orderHash, outputSalt } = this.#options;
    const outputCommitment = tokenCommitment(outputSalt, this.tokens.slice(0, outputTokens));
    const hash = deliveryHash({ orderHash, outputTokens, outputCommitment });
    const signer = recoverTyped(domain, hash, signature);
    return signer !== null && equalBytes(signer, client);
  }

  #end(why: StreamEnd): void {
    this.ended ??= why;
    this.#over.abort();
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}
