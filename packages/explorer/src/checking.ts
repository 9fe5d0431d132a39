/** A verdict in this thread: by the same `verify` and the same engine as everywhere, with the time of each check. */

import { type ClientModel, openModel, type VerifyOptions } from "@assay/sdk";
import { type Check, type Verdict, verify } from "@assay/verifier";
import { bytesToHex, decodeReceiptFile, FormatError } from "@assay/wire";
import type { News, Summary } from "./messages.ts";

/** Clocks differ: a receipt may be this far in our future. */
const CLOCK_SKEW_SECONDS = 300;

export const hex = (bytes: Uint8Array): string => `0x${bytesToHex(bytes)}`;

/** Tells each check with the time since the one before it. */
export function timedChecks(tell: (news: News) => void): {
  readonly onCheck: (check: Check) => void;
  readonly begin: () => void;
  readonly total: () => number;
} {
  let began = performance.now();
  let last = began;
  return {
    begin() {
      began = performance.now();
      last = began;
    },
    onCheck(check) {
      const now = performance.now();
      tell({ type: "check", check, milliseconds: now - last });
      last = now;
    },
    total: () => last - began,
  };
}

/** Program files that were opened, by root: the root is computed, whoever sent the bytes. */
const opened = new Map<string, ClientModel>();

export function openProgram(
  bytes: Uint8Array,
  source: string,
  tell: (news: News) => void,
): ClientModel {
  const started = performance.now();
  const model = openModel(bytes);
  const root = hex(model.root);
  opened.set(root, model);
  const milliseconds = performance.now() - started;
  tell({ type: "program", root, source, bytes: bytes.length, milliseconds });
  return model;
}

/** The root that a receipt file names; undefined for bytes that are none. */
export function rootNamedBy(file: Uint8Array): string | undefined {
  try {
    return hex(decodeReceiptFile(file).order.programRoot);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

export const openedProgram = (root: string): ClientModel | undefined => opened.get(root);

/** Judges a file with what the user pinned; nothing else is expected of it. */
export function judgeAlone(
  model: ClientModel | undefined,
  file: Uint8Array,
  pinnedRoot: Uint8Array | undefined,
  tell: (news: News) => void,
): Verdict {
  const timed = timedChecks(tell);
  const options: VerifyOptions = {
    now: BigInt(Math.floor(Date.now() / 1_000) + CLOCK_SKEW_SECONDS),
    onCheck: timed.onCheck,
    ...(pinnedRoot === undefined ? {} : { pinnedRoot }),
  };
  const verdict = model === undefined ? unreadable(file, options) : model.verify(file, options);
  tell({ type: "verdict", summary: summaryOf(verdict, model, true, timed.total()) });
  return verdict;
}

/** The verdict on bytes that name no program. */
function unreadable(file: Uint8Array, options: VerifyOptions): Verdict {
  const program = { root: new Uint8Array(32), context: 0, vocab: 0, endTokens: [] };
  return verify(file, { program, ...options }, () => {
    throw new RangeError("a file that names no program is not executed");
  });
}

export function summaryOf(
  verdict: Verdict,
  model: ClientModel | undefined,
  faithful: boolean,
  milliseconds: number,
): Summary {
  const { ok, reason, assurance, receiptHash, file } = verdict;
  return {
    ok,
    reason,
    assurance,
    faithful,
    milliseconds,
    receiptId: receiptHash === null ? null : hex(receiptHash),
    prompt: file === null ? null : textOf(model, file.prompt),
    answer: file === null ? null : textOf(model, file.output),
    worker: file === null ? null : hex(file.order.worker),
    programRoot: file === null ? null : hex(file.order.programRoot),
    chainId: file === null ? null : String(file.domain.chainId),
    price: file === null ? null : String(file.receipt.price),
    tokens:
      file === null
        ? null
        : { prompt: file.receipt.promptTokens, output: file.receipt.outputTokens },
  };
}

function textOf(model: ClientModel | undefined, tokens: readonly number[]): string | null {
  if (model === undefined) return null;
  const stream = model.chat.textStream();
  const known = tokens.filter((token) => token < model.program.vocab);
  return known.map((token) => stream.push(token)).join("") + stream.end();
}
