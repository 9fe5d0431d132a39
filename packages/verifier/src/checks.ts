/**
 * The checks of spec/03 §3.5 that need no execution, each from a decoded file to what is wrong, or null.
 */

import {
  acceptanceHash,
  bytesToHex,
  equalBytes,
  nonceHash,
  orderHash,
  orderSeed,
  type ReceiptFile,
  receiptHash,
  recoverTyped,
  tokenCommitment,
} from "@assay/wire";
import type { VerifyContext } from "./context.ts";
import { checkLimits } from "./limits.ts";
import { firstFailure, rule } from "./rule.ts";
import type { CheckNumber, CheckTitle, Failure } from "./verdict.ts";

/** Carried out once every check in `needs` has passed. */
export interface StaticCheck extends CheckTitle {
  readonly needs: readonly CheckNumber[];
  readonly run: (file: ReceiptFile, context: VerifyContext) => Failure | null;
}

const hex = (bytes: Uint8Array): string => `0x${bytesToHex(bytes)}`;

/** Whether the caller expects something else; no if it expects nothing. */
function differs(expected: Uint8Array | undefined, actual: Uint8Array): boolean {
  return expected !== undefined && !equalBytes(expected, actual);
}

interface Signed {
  readonly structHash: Uint8Array;
  readonly signature: Uint8Array;
  readonly signer: Uint8Array;
}

/** Whether `signature` is well formed and by `signer`. */
function checkSignature(
  file: ReceiptFile,
  { structHash, signature, signer }: Signed,
  what: "ORDER" | "ACCEPTANCE" | "RECEIPT",
): Failure | null {
  const recovered = recoverTyped(file.domain, structHash, signature);
  const noun = what.toLowerCase();
  if (recovered === null) {
    return {
      reason: `${what}_SIGNATURE_MALFORMED`,
      message: `the ${noun}'s signature is not one that spec/03 §3.1 admits`,
    };
  }
  if (equalBytes(recovered, signer)) return null;
  return {
    reason: `${what}_SIGNER_WRONG`,
    message: `the ${noun} names ${hex(signer)}, but this signature of it is by ${hex(recovered)}`,
  };
}

function checkOrderSignature(file: ReceiptFile, { expected = {} }: VerifyContext): Failure | null {
  const { domain, order, orderSignature: signature } = file;
  const structHash = orderHash(order);
  return (
    firstFailure(
      rule(
        "CHAIN_UNEXPECTED",
        expected.chainId !== undefined && expected.chainId !== domain.chainId,
        `the file is of chain ${domain.chainId}, expected ${expected.chainId}`,
      ),
      rule(
        "SETTLEMENT_UNEXPECTED",
        differs(expected.settlement, domain.settlement),
        `the file is of the settlement contract ${hex(domain.settlement)}, which is not the expected one`,
      ),
      rule(
        "ORDER_UNEXPECTED",
        differs(expected.orderHash, structHash),
        `the file is of the order ${hex(structHash)}, which is not the expected one`,
      ),
      rule(
        "CLIENT_UNEXPECTED",
        differs(expected.client, order.client),
        `the payer is ${hex(order.client)}, which is not the expected one`,
      ),
    ) ?? checkSignature(file, { structHash, signature, signer: order.client }, "ORDER")
  );
}

function checkAcceptance(file: ReceiptFile, { expected = {} }: VerifyContext): Failure | null {
  const { order, workerNonce, acceptanceSignature: signature } = file;
  const structHash = acceptanceHash({ orderHash: orderHash(order), workerNonce });
  return (
    rule(
      "WORKER_NONCE_UNEXPECTED",
      differs(expected.workerNonce, workerNonce),
      `the worker's nonce is ${hex(workerNonce)}, not the one of the acceptance that was received`,
    ) ?? checkSignature(file, { structHash, signature, signer: order.worker }, "ACCEPTANCE")
  );
}

function checkReceiptSignature(
  file: ReceiptFile,
  { expected = {} }: VerifyContext,
): Failure | null {
  const { order, receipt, receiptSignature: signature } = file;
  const structHash = receiptHash(receipt);
  return (
    rule(
      "WORKER_UNEXPECTED",
      differs(expected.worker, order.worker),
      `the worker is ${hex(order.worker)}, which is not the expected one`,
    ) ?? checkSignature(file, { structHash, signature, signer: order.worker }, "RECEIPT")
  );
}

function checkReceiptAnswers({ order, receipt }: ReceiptFile): Failure | null {
  const ordered = orderHash(order);
  return firstFailure(
    rule(
      "ORDER_HASH_MISMATCH",
      !equalBytes(receipt.orderHash, ordered),
      `the receipt is for the order ${hex(receipt.orderHash)}, this order is ${hex(ordered)}`,
    ),
    rule(
      "PROGRAM_ROOT_MISMATCH",
      !equalBytes(receipt.programRoot, order.programRoot),
      `the receipt names program ${hex(receipt.programRoot)}, ordered was ${hex(order.programRoot)}`,
    ),
    rule(
      "WORKER_MISMATCH",
      !equalBytes(receipt.worker, order.worker),
      `the receipt names worker ${hex(receipt.worker)}, ordered was ${hex(order.worker)}`,
    ),
    rule(
      "INPUT_COMMITMENT_MISMATCH",
      !equalBytes(receipt.inputCommitment, order.inputCommitment),
      "the receipt commits to another input than the order",
    ),
    rule(
      "PROMPT_TOKENS_MISMATCH",
      receipt.promptTokens !== order.promptTokens,
      `the receipt counts ${receipt.promptTokens} prompt tokens, the order ${order.promptTokens}`,
    ),
  );
}

function checkProgramRoot({ order }: ReceiptFile, context: VerifyContext): Failure | null {
  return firstFailure(
    rule(
      "PROGRAM_NOT_PINNED",
      differs(context.pinnedRoot, order.programRoot),
      `the order is for program ${hex(order.programRoot)}, which is not the one that was pinned`,
    ),
    rule(
      "PROGRAM_WRONG",
      !equalBytes(context.program.root, order.programRoot),
      `the order is for program ${hex(order.programRoot)}, the one here is ${hex(context.program.root)}`,
    ),
  );
}

/** Where two lists first differ, in words. */
function firstDifference(actual: readonly number[], expected: readonly number[]): string | null {
  if (actual.length !== expected.length) return `${actual.length} tokens, not ${expected.length}`;
  const at = actual.findIndex((token, i) => token !== expected[i]);
  return at < 0 ? null : `token ${at} is ${actual[at]}, not ${expected[at]}`;
}

function checkPrompt(
  { order, inputSalt, prompt }: ReceiptFile,
  { expected = {} }: VerifyContext,
): Failure | null {
  const difference = firstDifference(prompt, expected.prompt ?? prompt);
  return firstFailure(
    rule(
      "PROMPT_COUNT_WRONG",
      prompt.length !== order.promptTokens,
      `${prompt.length} prompt tokens are disclosed, the order counts ${order.promptTokens}`,
    ),
    rule(
      "PROMPT_NOT_OPENED",
      !equalBytes(tokenCommitment(inputSalt, prompt), order.inputCommitment),
      "the disclosed prompt and salt do not open the order's commitment: one of them was changed",
    ),
    rule(
      "PROMPT_UNEXPECTED",
      difference !== null,
      `the prompt is not the one that was asked: ${difference}`,
    ),
  );
}

function checkOutput({ receipt, outputSalt, output }: ReceiptFile): Failure | null {
  return firstFailure(
    rule(
      "OUTPUT_COUNT_WRONG",
      output.length !== receipt.outputTokens,
      `${output.length} output tokens are disclosed, the receipt counts ${receipt.outputTokens}`,
    ),
    rule(
      "OUTPUT_NOT_OPENED",
      !equalBytes(tokenCommitment(outputSalt, output), receipt.outputCommitment),
      "the disclosed output and salt do not open the receipt's commitment: one of them was changed",
    ),
  );
}

function checkSeed(file: ReceiptFile, { expected = {} }: VerifyContext): Failure | null {
  const { order, receipt, clientNonce, workerNonce } = file;
  const used = order.seedSource === 1 ? order.clientSeed : null;
  const derived = orderSeed(order, { clientNonce, workerNonce });
  return firstFailure(
    rule(
      "NONCE_NOT_OPENED",
      !equalBytes(nonceHash(clientNonce), order.nonceHash),
      "the disclosed client's nonce is not the one that the order fixed",
    ),
    rule(
      "CLIENT_SEED_UNEXPECTED",
      expected.clientSeed !== undefined && expected.clientSeed !== used,
      `the order's explicit seed is ${used ?? "none"}, expected ${expected.clientSeed ?? "none"}`,
    ),
    rule(
      "SEED_WRONG",
      !equalBytes(receipt.seed, derived),
      `the receipt's seed is ${hex(receipt.seed)}, order and nonces give ${hex(derived)}`,
    ),
  );
}

/** Checks 2 … 10, in order. */
export const STATIC_CHECKS: readonly StaticCheck[] = [
  {
    number: 2,
    name: "order signature",
    proves: "the payer ordered this",
    needs: [],
    run: checkOrderSignature,
  },
  {
    number: 3,
    name: "acceptance signature",
    proves: "the worker fixed its nonce for this order",
    needs: [],
    run: checkAcceptance,
  },
  {
    number: 4,
    name: "receipt signature",
    proves: "the worker named in the order signed this receipt",
    needs: [],
    run: checkReceiptSignature,
  },
  {
    number: 5,
    name: "receipt answers the order",
    proves: "order hash, program root, worker, input commitment and prompt count agree",
    needs: [],
    run: checkReceiptAnswers,
  },
  {
    number: 6,
    name: "program",
    proves: "the model here is the one that was ordered",
    needs: [],
    run: checkProgramRoot,
  },
  {
    number: 7,
    name: "prompt",
    proves: "the disclosed prompt is the one that the order commits to",
    needs: [],
    run: checkPrompt,
  },
  {
    number: 8,
    name: "output",
    proves: "the disclosed output is the one that the receipt commits to",
    needs: [],
    run: checkOutput,
  },
  {
    number: 9,
    name: "seed",
    proves: "the seed follows from the order and both nonces, or from the user's number",
    needs: [],
    run: checkSeed,
  },
  {
    number: 10,
    name: "limits and price",
    proves: "token limits, end tokens, times and price are as ordered",
    needs: [6, 7, 8],
    run: checkLimits,
  },
];
