/**
 * How a receipt file gets into a verifier's book. Anyone may hand one in, and checking it means running a
 * model: all that is cheap to refuse is refused before, and one file is run at a time.
 */

import type { ChainClient } from "@assay/chain";
import {
  acceptanceHash,
  bytesToHex,
  decodeReceiptFile,
  equalBytes,
  type Message,
  orderHash,
  type ReceiptFile,
  RPC_CODES,
  receiptHash,
  recoverTyped,
  type SigningDomain,
  sha256,
} from "@assay/wire";
import { createExclusive } from "../exclusive.ts";
import type { Logger } from "../logger.ts";
import type { LoadedModel } from "../models.ts";
import type { EvidenceBook } from "./evidence.ts";
import { judge } from "./judge.ts";

/** Files that may wait to be run. */
const MAX_WAITING = 64;

export interface IntakeOptions {
  readonly book: EvidenceBook;
  readonly chain: Pick<ChainClient, "domain" | "slashableOf" | "orderState">;
  readonly models: ReadonlyMap<string, LoadedModel>;
  /** A fraud is in the book. */
  readonly onFraud: () => void;
  readonly log: Logger;
}

/** Takes one file to its answer: OK when it is in the book, else FAIL. */
export type Intake = (bytes: Uint8Array) => Promise<Message>;

export function createIntake(options: IntakeOptions): Intake {
  const { book, chain, models, log } = options;
  const oneAtATime = createExclusive();
  const running = new Map<string, Promise<Message>>();

  async function run(file: ReceiptFile, bytes: Uint8Array): Promise<Message> {
    const moot = await mootFor(file, chain);
    if (moot !== null) return fail("invalidEvidence", moot);
    return oneAtATime(async () => {
      const judgement = judge(bytes, chain.domain, models);
      if (judgement.kind === "unusable") return fail("invalidEvidence", judgement.reason);
      const fraud = judgement.kind === "fraud" ? judgement.reason : null;
      await book.add(judgement.file, bytes, fraud);
      if (fraud !== null) options.onFraud();
      return { type: "ok" };
    });
  }

  /** One run for the same bytes, however often they are sent meanwhile. */
  function runOnce(file: ReceiptFile, bytes: Uint8Array): Promise<Message> | Message {
    const key = bytesToHex(sha256(bytes));
    const before = running.get(key);
    if (before !== undefined) return before;
    if (running.size >= MAX_WAITING) return fail("busy", "too many files are waiting; try again");
    const answer = run(file, bytes).finally(() => running.delete(key));
    running.set(key, answer);
    return answer;
  }

  return async (bytes) => {
    const file = decoded(bytes);
    if (typeof file === "string") return fail("invalidEvidence", file);
    const id = bytesToHex(receiptHash(file.receipt));
    if ((await book.find(id)) !== undefined) return { type: "ok" };
    const unsigned = unsignedPart(file, chain.domain);
    if (unsigned !== null) return fail("invalidEvidence", unsigned);
    if (!models.has(bytesToHex(file.order.programRoot))) {
      return fail("unknownProgram", "this verifier does not have the model");
    }
    const answer = await runOnce(file, bytes);
    if (answer.type === "fail") log.info({ receipt: id, reason: answer.text }, "evidence refused");
    return answer;
  };
}

/** The file, or what is wrong with it. */
function decoded(bytes: Uint8Array): ReceiptFile | string {
  try {
    return decodeReceiptFile(bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const fail = (code: keyof typeof RPC_CODES, text: string): Message => ({
  type: "fail",
  code: RPC_CODES[code],
  text,
});

/** The first signature that does not hold, or null. */
function unsignedPart(file: ReceiptFile, domain: SigningDomain): string | null {
  const { order, workerNonce } = file;
  const hash = orderHash(order);
  const parts = [
    ["order", order.client, hash, file.orderSignature],
    [
      "acceptance",
      order.worker,
      acceptanceHash({ orderHash: hash, workerNonce }),
      file.acceptanceSignature,
    ],
    ["receipt", order.worker, receiptHash(file.receipt), file.receiptSignature],
  ] as const;
  for (const [name, party, digest, signature] of parts) {
    const signer = recoverTyped(domain, digest, signature);
    if (signer === null || !equalBytes(signer, party)) {
      return `the ${name} signature does not hold on this network`;
    }
  }
  return null;
}

/** Why nothing could follow from this file, or null. A contested order may be challenged again when that is over. */
async function mootFor(
  { order }: ReceiptFile,
  chain: IntakeOptions["chain"],
): Promise<string | null> {
  const [slashable, state] = await Promise.all([
    chain.slashableOf(order.worker),
    chain.orderState(orderHash(order)),
  ]);
  if (slashable === 0n) return "the worker has no stake";
  if (state === "paid" || state === "void") return `the order is ${state}`;
  return null;
}
