/** Check 10 of spec/03 §3.5: limits, end tokens, times and price. */

import {
  FINISH_REASONS,
  type Order,
  type OrderFault,
  orderFault,
  priceOf,
  type ReceiptFile,
} from "@assay/wire";
import type { Expected, ProgramFacts, VerifyContext } from "./context.ts";
import { firstFailure, rule } from "./rule.ts";
import type { Failure } from "./verdict.ts";

const FAULT_MESSAGES: { readonly [K in OrderFault]: (order: Order) => string } = {
  SAMPLING_RANGE: ({ invTemperature, topP }) =>
    `invTemperature ${invTemperature} with topP ${topP} is no way to choose a token`,
  PROMPT_EMPTY: () => "the order is for a prompt without tokens",
  MAX_TOKENS_ZERO: () => "the order is for no output tokens",
  CONTEXT_EXCEEDED: ({ promptTokens, maxTokens }) =>
    `${promptTokens} prompt tokens and ${maxTokens} output tokens do not fit the program's context`,
  CLIENT_SEED_UNUSED: ({ clientSeed }) =>
    `the order carries the explicit seed ${clientSeed} without using it`,
  SEQUENCE_RANGE: ({ sequence }) => `the order's sequence is ${sequence}, above 2^53 − 1`,
};

function checkOrder(order: Order, { program, expected = {} }: VerifyContext): Failure | null {
  const fault = orderFault(order, program.context);
  if (fault !== null) return { reason: fault, message: FAULT_MESSAGES[fault](order) };
  const { sampling = order, maxTokens = order.maxTokens } = expected;
  return firstFailure(
    rule(
      "SAMPLING_UNEXPECTED",
      sampling.invTemperature !== order.invTemperature || sampling.topP !== order.topP,
      `the order samples with invTemperature ${order.invTemperature} and topP ${order.topP}, ` +
        `asked were ${sampling.invTemperature} and ${sampling.topP}`,
    ),
    rule(
      "MAX_TOKENS_UNEXPECTED",
      maxTokens !== order.maxTokens,
      `the order allows ${order.maxTokens} output tokens, asked were ${maxTokens}`,
    ),
  );
}

function checkTokens({ order, prompt, output }: ReceiptFile, { vocab }: ProgramFacts) {
  const outside = [...prompt, ...output].find((token) => token >= vocab);
  return firstFailure(
    rule("OUTPUT_EMPTY", output.length === 0, "an answer has at least one token"),
    rule(
      "OUTPUT_ABOVE_LIMIT",
      output.length > order.maxTokens,
      `the answer has ${output.length} tokens, the order allows ${order.maxTokens}`,
    ),
    rule(
      "TOKEN_OUTSIDE_VOCABULARY",
      outside !== undefined,
      `token ${outside} is beyond the program's ${vocab}`,
    ),
  );
}

function checkEnd(
  { order, receipt, output }: ReceiptFile,
  { program: { endTokens }, expected = {} }: VerifyContext,
) {
  const early = output.slice(0, -1).findIndex((token) => endTokens.includes(token));
  const { finishReason: reason } = receipt;
  const endsWithEndToken = output.slice(-1).some((token) => endTokens.includes(token));
  return firstFailure(
    rule(
      "END_TOKEN_EARLY",
      early >= 0,
      `output token ${early} ends the answer, ${output.length - 1 - early} more follow`,
    ),
    rule(
      "STOP_WITHOUT_END_TOKEN",
      reason === FINISH_REASONS.stop && !endsWithEndToken,
      "the receipt says that the answer ended by itself, but its last token is no end token",
    ),
    rule(
      "LENGTH_WITH_END_TOKEN",
      reason === FINISH_REASONS.length && endsWithEndToken,
      "the receipt says that the answer was cut at the limit, but its last token is an end token",
    ),
    rule(
      "LENGTH_BELOW_LIMIT",
      reason === FINISH_REASONS.length && output.length < order.maxTokens,
      `the answer was cut after ${output.length} tokens, the order allows ${order.maxTokens}`,
    ),
    reason === FINISH_REASONS.cut
      ? checkCut(output.length, endsWithEndToken, order, expected)
      : null,
  );
}

/** An answer that its client stopped: only short of its end and of its limit, and only if the client did. */
function checkCut(
  tokens: number,
  endsWithEndToken: boolean,
  order: Order,
  { cut }: Expected,
): Failure | null {
  return firstFailure(
    rule(
      "CUT_WITH_END_TOKEN",
      endsWithEndToken,
      "the receipt says that the client stopped the answer, but its last token is an end token",
    ),
    rule(
      "CUT_AT_LIMIT",
      tokens >= order.maxTokens,
      `the receipt says that the client stopped the answer, but it has all ${tokens} tokens that were ordered`,
    ),
    rule(
      "CUT_UNEXPECTED",
      cut === false,
      `the answer was cut after ${tokens} tokens, and its client did not ask for that`,
    ),
  );
}

function checkPriceAndTimes(file: ReceiptFile, { now }: VerifyContext): Failure | null {
  const { order, receipt } = file;
  const price = priceOf(order, receipt.promptTokens, receipt.outputTokens);
  return firstFailure(
    rule(
      "PRICE_WRONG",
      receipt.price !== price,
      `the receipt's price is ${receipt.price}, the order's prices give ${price}`,
    ),
    rule(
      "COMPLETED_LATE",
      receipt.completedAt > order.deadline,
      `completed at ${receipt.completedAt}, after the deadline ${order.deadline}`,
    ),
    rule(
      "COMPLETED_IN_FUTURE",
      now !== undefined && receipt.completedAt > now,
      `completed at ${receipt.completedAt}, but it is ${now} at most`,
    ),
  );
}

/** Needs a file whose disclosed tokens have the counts of order and receipt. */
export function checkLimits(file: ReceiptFile, context: VerifyContext): Failure | null {
  return (
    checkOrder(file.order, context) ??
    checkTokens(file, context.program) ??
    checkEnd(file, context) ??
    checkPriceAndTimes(file, context)
  );
}
