/** Whether a receipt file proves that its worker cheated: `verify`, read for attribution. */

import { replay } from "@assay/engine";
import { type Expected, type Reason, type Verdict, verify } from "@assay/verifier";
import {
  bytesToHex,
  decodeReceiptFile,
  equalBytes,
  orderFault,
  orderSeed,
  type ReceiptFile,
  type SigningDomain,
  tokenCommitment,
} from "@assay/wire";
import type { LoadedModel } from "../models.ts";

export type Judgement =
  /** The receipt holds. */
  | { readonly kind: "honest"; readonly file: ReceiptFile; readonly verdict: Verdict }
  /** The worker signed what the program does not give. */
  | {
      readonly kind: "fraud";
      readonly file: ReceiptFile;
      readonly verdict: Verdict;
      readonly reason: string;
      readonly rival: { readonly traceRoot: Uint8Array; readonly outputCommitment: Uint8Array };
    }
  /** The file proves nothing about the worker: broken, unsigned, or not opened by what is disclosed. */
  | { readonly kind: "unusable"; readonly reason: string };

/**
 * Reasons for which only the worker can be to blame: all that it signed over was disclosed and opened, and
 * the program says otherwise. A bad order, a late receipt or a wrong price is not payable, and no fraud.
 */
const FRAUDS: ReadonlySet<Reason> = new Set<Reason>([
  "SEED_WRONG",
  "TOKEN_OUTSIDE_VOCABULARY",
  "END_TOKEN_EARLY",
  "STOP_WITHOUT_END_TOKEN",
  "LENGTH_WITH_END_TOKEN",
  "LENGTH_BELOW_LIMIT",
  "TOKEN_WRONG",
  "TRACE_WRONG",
]);

export function judge(
  bytes: Uint8Array,
  domain: SigningDomain,
  models: ReadonlyMap<string, LoadedModel>,
): Judgement {
  let file: ReceiptFile;
  try {
    file = decodeReceiptFile(bytes);
  } catch (error) {
    return { kind: "unusable", reason: error instanceof Error ? error.message : String(error) };
  }
  const model = models.get(bytesToHex(file.order.programRoot));
  if (model === undefined)
    return { kind: "unusable", reason: "this verifier does not have the model" };
  const verdict = verifyWith(bytes, model, domain);
  if (verdict.ok) return { kind: "honest", file, verdict };
  const reason = failureOf(verdict);
  if (!isFraud(verdict.reason, file)) return { kind: "unusable", reason };
  return { kind: "fraud", file, verdict, reason, rival: rivalOf(file, model) };
}

function isFraud(reason: Verdict["reason"], { receipt, outputSalt, output }: ReceiptFile): boolean {
  // The worker is paid by the count that it signed: it lied if its own commitment opens to another one.
  if (reason === "OUTPUT_COUNT_WRONG") {
    return equalBytes(tokenCommitment(outputSalt, output), receipt.outputCommitment);
  }
  return reason !== null && FRAUDS.has(reason);
}

/** The first failed check in words. */
export function failureOf(verdict: Verdict): string {
  const failed = verdict.checks.find((check) => check.status === "FAIL");
  return failed === undefined ? "no check failed" : `${failed.name}: ${failed.message}`;
}

export function verifyWith(
  bytes: Uint8Array,
  model: LoadedModel,
  domain: SigningDomain,
  expected: Expected = {},
): Verdict {
  const { program } = model;
  return verify(
    bytes,
    {
      program: {
        root: model.root,
        context: program.context,
        vocab: program.vocab,
        endTokens: program.endTokens,
      },
      expected: { chainId: domain.chainId, settlement: domain.settlement, ...expected },
    },
    (task) => replay(model.engine, task),
  );
}

/** What the program gives instead, over the tokens that were disclosed; zeros where it cannot run them. */
function rivalOf(
  file: ReceiptFile,
  model: LoadedModel,
): { traceRoot: Uint8Array; outputCommitment: Uint8Array } {
  const { vocab, context } = model.program;
  const runs =
    orderFault(file.order, context) === null &&
    file.output.length > 0 &&
    file.output.every((token) => token < vocab) &&
    file.prompt.every((token) => token < vocab) &&
    file.prompt.length + file.output.length - 1 <= context;
  if (!runs) return { traceRoot: new Uint8Array(32), outputCommitment: new Uint8Array(32) };
  const { chosen, traceRoot } = replay(model.engine, {
    prompt: file.prompt,
    output: file.output,
    sampling: file.order,
    // The seed that follows from the nonces, whatever the receipt says.
    seed: orderSeed(file.order, file),
  });
  return { traceRoot, outputCommitment: tokenCommitment(file.outputSalt, chosen) };
}
