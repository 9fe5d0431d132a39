/** What a verdict rests on beside the checks: what the caller pinned, and what it took from the file. */

import { FINISH_REASONS, type ReceiptFile } from "@assay/wire";
import type { VerifyContext } from "./context.ts";
import type { Fact, FactCode } from "./verdict.ts";

const TEXTS: { readonly [K in FactCode]: string } = {
  SEED_FROM_BOTH: "the seed comes from the nonces of client and worker",
  SEED_FROM_CLIENT:
    "the seed is the user's explicit one: the same program, request and seed give the same answer",
  WORKER_NONCE_TRUSTED:
    "the acceptance was taken from the file: a worker that signed a second one after it saw the client's nonce could choose the seed",
  PROMPT_EXPECTED: "the prompt is the one that the caller rendered",
  PROMPT_RENDERING_TRUSTED:
    "prompt rendering trusted: nobody compared the prompt with what was asked",
  REQUEST_TRUSTED:
    "sampling, token limit or explicit seed were taken from the order, not compared with what was asked",
  CUT_BY_CLIENT: "the client stopped the answer here: it might have gone on",
  CUT_TRUSTED:
    "the answer was cut short, and the worker says that the client wanted no more; nobody compared that",
  PROGRAM_PINNED: "the program is the one that the client pinned",
  PROGRAM_NOT_PINNED: "the program was named by the order: the client pinned none",
  ORDER_EXPECTED: "the order is the one that the caller signed",
  ORDER_TRUSTED: "the order was taken from the file: it can be an earlier one for the same request",
  PARTIES_FROM_FILE: "payer or worker were taken from the file",
  SETTLEMENT_FROM_FILE: "chain or settlement contract were taken from the file",
  TIME_NOT_CHECKED: "the time of completion was not compared with a clock",
};

export function assuranceOf(
  { order, receipt }: ReceiptFile,
  context: VerifyContext,
): readonly Fact[] {
  const { expected = {}, pinnedRoot, now } = context;
  const isUnpinned = (...values: readonly unknown[]): boolean => values.includes(undefined);
  const fromBoth = order.seedSource === 0;
  const cut = receipt.finishReason === FINISH_REASONS.cut;
  const facts: readonly (readonly [FactCode, boolean])[] = [
    ["SEED_FROM_BOTH", fromBoth],
    ["SEED_FROM_CLIENT", !fromBoth],
    ["WORKER_NONCE_TRUSTED", fromBoth && isUnpinned(expected.workerNonce)],
    ["PROMPT_EXPECTED", !isUnpinned(expected.prompt)],
    ["PROMPT_RENDERING_TRUSTED", isUnpinned(expected.prompt)],
    ["REQUEST_TRUSTED", isUnpinned(expected.sampling, expected.maxTokens, expected.clientSeed)],
    ["CUT_BY_CLIENT", cut && expected.cut === true],
    ["CUT_TRUSTED", cut && isUnpinned(expected.cut)],
    ["PROGRAM_PINNED", !isUnpinned(pinnedRoot)],
    ["PROGRAM_NOT_PINNED", isUnpinned(pinnedRoot)],
    ["ORDER_EXPECTED", !isUnpinned(expected.orderHash)],
    ["ORDER_TRUSTED", isUnpinned(expected.orderHash)],
    ["PARTIES_FROM_FILE", isUnpinned(expected.client, expected.worker)],
    ["SETTLEMENT_FROM_FILE", isUnpinned(expected.chainId, expected.settlement)],
    ["TIME_NOT_CHECKED", isUnpinned(now)],
  ];
  return facts.flatMap(([code, holds]) => (holds ? [{ code, text: TEXTS[code] }] : []));
}
