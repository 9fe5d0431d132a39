/** Hands receipt files that do not hold to the verifiers; to those that come later too, until one has judged. */

import type { Link } from "../mesh/link.ts";
import type { Peer } from "../mesh/peers.ts";

/** spec/05 §5.6: evidence is answered within 30 s. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Files that wait for a verifier; the oldest gives way. */
const MAX_WAITING = 64;

export interface Reporter {
  report(file: Uint8Array): void;
  /** To call when a verifier is met. */
  met(verifier: Peer): void;
}

export function createReporter(): Reporter {
  const verifiers = new Set<Link>();
  const waiting = new Set<Uint8Array>();

  function put(link: Link, file: Uint8Array): void {
    const call = link.call({ type: "evidencePut", file });
    call
      .next(AbortSignal.timeout(ANSWER_TIMEOUT_MS))
      .then((answer) => {
        // OK and FAIL are both a judgement; silence is none.
        if (answer !== undefined) waiting.delete(file);
      })
      .catch(() => undefined)
      .finally(() => call.close());
  }

  return {
    report(file) {
      for (const oldest of waiting) {
        if (waiting.size < MAX_WAITING) break;
        waiting.delete(oldest);
      }
      waiting.add(file);
      for (const link of verifiers) put(link, file);
    },
    met({ link }) {
      // HELLO comes again when a peer's offer changes.
      if (verifiers.has(link)) return;
      verifiers.add(link);
      link.closed.then(
        () => verifiers.delete(link),
        () => undefined,
      );
      for (const file of waiting) put(link, file);
    },
  };
}
