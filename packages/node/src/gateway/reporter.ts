/**
 * Hands receipt files that do not hold to the verifiers, until one has taken each in or refused it for good:
 * to those that come later too, again after silence, and after a restart.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type Message, RPC_CODES } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { Link } from "../mesh/link.ts";
import type { Peer } from "../mesh/peers.ts";
import type { ReceiptShelf } from "./order-book.ts";

/** spec/05 §5.7: evidence is answered within 30 s. */
const ANSWER_TIMEOUT_MS = 30_000;
const AGAIN_MS = 3_000;
/** Files that are offered in one round. */
const MAX_AT_ONCE = 64;

export interface Reporter {
  /** To call when there is a new file in the book. */
  report(): void;
  /** To call when a verifier is met. */
  met(verifier: Peer): void;
  readonly done: Promise<void>;
}

export interface ReporterOptions {
  readonly book: Pick<ReceiptShelf, "unreported" | "reported">;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly againMs?: number;
}

export function startReporter({ book, log, signal, ...options }: ReporterOptions): Reporter {
  /** By verifier: what it is being asked, or has said that it cannot judge. */
  const verifiers = new Map<Link, Set<string>>();
  let wake: () => void = () => undefined;

  async function put(link: Link, id: string, file: Uint8Array): Promise<void> {
    const offered = verifiers.get(link);
    if (offered === undefined || offered.has(id)) return;
    offered.add(id);
    const call = link.call({ type: "evidencePut", file });
    try {
      const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const answer = await call.next(AbortSignal.any([signal, timeout]));
      if (isFinal(answer)) await book.reported(id);
      else if (!isCode(answer, "unknownProgram")) offered.delete(id);
    } catch (error) {
      offered.delete(id);
      if (!signal.aborted) log.warn({ err: error, receipt: id }, "a verifier did not answer");
    } finally {
      call.close();
    }
  }

  async function offerAll(background: Set<Promise<void>>): Promise<void> {
    if (verifiers.size === 0) return;
    for (const { id, file } of await book.unreported(MAX_AT_ONCE)) {
      for (const link of verifiers.keys()) {
        const putting = put(link, id, file).finally(() => background.delete(putting));
        background.add(putting);
      }
    }
  }

  async function run(): Promise<void> {
    const background = new Set<Promise<void>>();
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await offerAll(background).catch((error: unknown) => {
        log.error({ err: error }, "reporting will be tried again");
      });
      const again = sleep(options.againMs ?? AGAIN_MS, undefined, { signal });
      await Promise.race([again.catch(() => undefined), woken]);
    }
    await Promise.all(background);
  }

  return {
    report: () => wake(),
    met({ link }) {
      // HELLO comes again when a peer's offer changes.
      if (verifiers.has(link)) return;
      verifiers.set(link, new Set());
      link.closed.then(
        () => verifiers.delete(link),
        () => undefined,
      );
      wake();
    },
    done: run(),
  };
}

const isCode = (answer: Message | undefined, code: keyof typeof RPC_CODES): boolean =>
  answer?.type === "fail" && answer.code === RPC_CODES[code];

const isFinal = (answer: Message | undefined): boolean =>
  answer?.type === "ok" || isCode(answer, "invalidEvidence");
