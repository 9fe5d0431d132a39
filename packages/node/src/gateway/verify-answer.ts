/** The gateway's verdict on an answer: against what it asked, and when. */

import type { Verdict } from "@assay/verifier";
import type { LoadedModel } from "../models.ts";
import { verifyWith } from "../verifier/judge.ts";
import type { Payer, TaskRequest } from "./run-order.ts";

/** How far a worker's clock may be ahead of ours. */
const CLOCK_SKEW_SECONDS = 300;

export function verifyAnswer(
  file: Uint8Array,
  model: LoadedModel,
  { domain, address }: Pick<Payer, "domain" | "address">,
  request: TaskRequest,
): Verdict {
  const expected = {
    client: address,
    prompt: request.prompt,
    maxTokens: request.maxTokens,
    sampling: request.sampling,
    clientSeed: request.clientSeed ?? null,
  };
  const now = BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS);
  return verifyWith(file, model, domain, expected, now);
}
