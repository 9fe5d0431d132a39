/** The gateway's verdict on an answer: against what it asked, and when. */

import { replay } from "@assay/engine";
import { type Verdict, verify } from "@assay/verifier";
import type { LoadedModel } from "../models.ts";
import type { Payer, TaskRequest } from "./run-order.ts";

/** How far a worker's clock may be ahead of ours. */
const CLOCK_SKEW_SECONDS = 300;

export function verifyAnswer(
  file: Uint8Array,
  { program, root, engine }: LoadedModel,
  { domain, address }: Pick<Payer, "domain" | "address">,
  request: TaskRequest,
): Verdict {
  const { context, vocab, endTokens } = program;
  return verify(
    file,
    {
      program: { root, context, vocab, endTokens },
      expected: {
        ...domain,
        client: address,
        prompt: request.prompt,
        maxTokens: request.maxTokens,
        sampling: request.sampling,
        clientSeed: request.clientSeed ?? null,
      },
      now: BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS),
    },
    (task) => replay(engine, task),
  );
}
