/** Whether a receipt file proves that its worker cheated: `verify`, read for attribution. */

import { replay } from "@assay/engine";
import { type Expected, type Reason, type Verdict, verify } from "@assay/verifier";
import {
  bytesToHex,
  concatBytes,
  decodeReceiptFile,
  equalBytes,
  orderFault,
  orderSeed,
  type ReceiptFile,
  type SigningDomain,
  sha256,
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
  "CUT_WITH_END_TOKEN",
  "CUT_AT_LIMIT",
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
  now?: bigint,
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
      ...(now === undefined ? {} : { now }),
    },
    (task) => replay(model.engine, task),
  );
}

const RIVAL_SALT = new TextEncoder().encode("assay/rival/1");

/**
 * What an honest worker would have signed for this order: the program's own answer from the first token on,
 * under a salt of ours, so that it never coincides with the receipt. Zeros where the order cannot be run.
 */
function rivalOf(
  { order, prompt, clientNonce, workerNonce, outputSalt }: ReceiptFile,
  { program, engine }: LoadedModel,
): { traceRoot: Uint8Array; outputCommitment: Uint8Array } {
  const runs =
    orderFault(order, program.context) === null && prompt.every((token) => token < program.vocab);
  if (!runs) return { traceRoot: new Uint8Array(32), outputCommitment: new Uint8Array(32) };
  const seed = orderSeed(order, { clientNonce, workerNonce });
  const session = engine.createSession();
  try {
    const tokens: number[] = [];
    for (let next = prompt; ; next = tokens.slice(-1)) {
      session.append(next);
      const token = session.choose(order, seed);
      tokens.push(token);
      if (tokens.length === order.maxTokens || program.endTokens.includes(token)) break;
    }
    const salt = sha256(concatBytes(RIVAL_SALT, outputSalt));
    return { traceRoot: session.traceRoot(), outputCommitment: tokenCommitment(salt, tokens) };
  } finally {
    session.close();
  }
}
