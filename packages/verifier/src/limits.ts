/** Check 10 of spec/03 §3.5: limits, end tokens, times and price. */

import {
  FINISH_REASONS,
  type Order,
  type OrderFault,
  orderFault,
  priceOf,
  type ReceiptFile,
} from "@assay/wire";
import type { ProgramFacts, VerifyContext } from "./context.ts";
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

function checkEnd({ order, receipt, output }: ReceiptFile, { endTokens }: ProgramFacts) {
  const early = output.slice(0, -1).findIndex((token) => endTokens.includes(token));
  const stops = receipt.finishReason === FINISH_REASONS.stop;
  const endsWithEndToken = output.slice(-1).some((token) => endTokens.includes(token));
  return firstFailure(
    rule(
      "END_TOKEN_EARLY",
      early >= 0,
      `output token ${early} ends the answer, ${output.length - 1 - early} more follow`,
    ),
    rule(
      "STOP_WITHOUT_END_TOKEN",
      stops && !endsWithEndToken,
      "the receipt says that the answer ended by itself, but its last token is no end token",
    ),
    rule(
      "LENGTH_WITH_END_TOKEN",
      !stops && endsWithEndToken,
      "the receipt says that the answer was cut at the limit, but its last token is an end token",
    ),
    rule(
      "LENGTH_BELOW_LIMIT",
      !stops && output.length < order.maxTokens,
      `the answer was cut after ${output.length} tokens, the order allows ${order.maxTokens}`,
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
    checkEnd(file, context.program) ??
    checkPriceAndTimes(file, context)
  );
}
