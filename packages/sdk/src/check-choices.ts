/** Each choice of an answer against its receipt, the request, and the text that was shown. */

import { cutAtStop } from "@assay/model/chat";
import type { Verdict } from "@assay/verifier";
import { choiceSeed, decodeReceiptFile, FINISH_REASONS, FormatError } from "@assay/wire";
import type { Asked } from "./asked.ts";
import { base64ToBytes } from "./base64.ts";
import { isObject, numberOf } from "./json.ts";
import type { ClientModel, VerifyOptions } from "./model.ts";

/** Clocks differ: a receipt may be this far in our future. */
const CLOCK_SKEW_SECONDS = 300;

export interface CheckedChoice {
  readonly index: number;
  /** Null where the gateway sent no receipt for this choice. */
  readonly verdict: Verdict | null;
  /** The text that the receipt's tokens give, as the request wants it cut. */
  readonly text: string;
  /** What is wrong with it, in words; null if it can be believed. */
  readonly objection: string | null;
}

/**
 * All choices that were asked for.
 *
 * @param network chain and settlement contract, where the caller knows them
 * @param shown the text of each choice, as the gateway sent it
 * @param assay what it sent beside
 */
export function checkChoices(
  network: VerifyOptions["expected"],
  asked: Asked,
  shown: ReadonlyMap<number, string>,
  assay: unknown,
): readonly CheckedChoice[] {
  const receipts = receiptsOf(assay);
  const checked = Array.from({ length: asked.count }, (_, index) =>
    checkOne(network, asked, index, shown.get(index) ?? "", receipts.get(index)),
  );
  // One answer may not be shown as several.
  const orders = new Set<string>();
  return checked.map((choice) => {
    const file = choice.verdict?.file;
    const order = file == null ? undefined : file.order.salt.join();
    const isRepeated = order !== undefined && orders.has(order);
    if (order !== undefined) orders.add(order);
    return isRepeated && choice.objection === null
      ? { ...choice, objection: "its receipt is that of another choice" }
      : choice;
  });
}

function receiptsOf(assay: unknown): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  if (!isObject(assay)) return found;
  const list: readonly unknown[] = Array.isArray(assay["choices"])
    ? assay["choices"]
    : [{ ...assay, index: 0 }];
  for (const entry of list) {
    const receipt = isObject(entry) ? entry["receipt"] : undefined;
    const index = isObject(entry) ? numberOf(entry["index"]) : undefined;
    if (typeof receipt !== "string" || index === undefined) continue;
    const bytes = bytesOf(receipt);
    if (bytes !== undefined) found.set(index, bytes);
  }
  return found;
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return base64ToBytes(base64);
  } catch {
    return undefined;
  }
}

function checkOne(
  network: VerifyOptions["expected"],
  asked: Asked,
  index: number,
  shown: string,
  receipt: Uint8Array | undefined,
): CheckedChoice {
  if (receipt === undefined) {
    return { index, verdict: null, text: "", objection: "the gateway sent no receipt for it" };
  }
  const { model, stops, seed } = asked;
  const full = answerOf(model, receipt);
  const { text, stopped } = cutAtStop(full, stops);
  const verdict = model.verify(receipt, {
    pinnedRoot: model.root,
    now: BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS),
    expected: {
      ...network,
      prompt: asked.prompt,
      maxTokens: asked.maxTokens,
      sampling: asked.sampling,
      clientSeed: seed === undefined ? null : choiceSeed(BigInt(seed), index),
      cut: stopped,
    },
  });
  return { index, verdict, text, objection: objectionTo(verdict, { text, shown, stopped }) };
}

function objectionTo(
  verdict: Verdict,
  {
    text,
    shown,
    stopped,
  }: { readonly text: string; readonly shown: string; readonly stopped: boolean },
): string | null {
  if (!verdict.ok) {
    const failed = verdict.checks.find((check) => check.status === "FAIL");
    return failed === undefined
      ? "a required check was skipped"
      : `check ${failed.number}, ${failed.name}: ${failed.message}`;
  }
  const isCut = verdict.file?.receipt.finishReason === FINISH_REASONS.cut;
  if (isCut && !stopped) return "it was cut without any stop sequence in its text";
  return shown === text ? null : "the gateway showed a text that is not the receipt's";
}

/** The text of a receipt's tokens; none for a file that cannot be read, whose verdict says so. */
function answerOf(model: ClientModel, receipt: Uint8Array): string {
  try {
    const { output } = decodeReceiptFile(receipt);
    const { vocab, endTokens } = model.program;
    const decoder = model.chat.textStream();
    const tokens = output.filter((token) => token < vocab && !endTokens.includes(token));
    return tokens.map((token) => decoder.push(token)).join("") + decoder.end();
  } catch (error) {
    if (error instanceof FormatError) return "";
    throw error;
  }
}
