/**
 * A staked party's part in court (spec/04 §4.6): draws jurors of open cases, and rules when it is the juror.
 *
 * Worker and verifier both run this: any of them may be drawn.
 */

import { type ChainClient, ChainError, type CourtEvent, followCourt } from "@assay/chain";
import { bytesToHex, equalBytes, receiptHash } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { LoadedModel } from "../models.ts";
import { judge } from "./judge.ts";

const DRAW_RETRY_MS = 250;
const MAX_DRAW_TRIES = 240;

export interface CourtDutyOptions {
  readonly chain: ChainClient;
  readonly models: ReadonlyMap<string, LoadedModel>;
  /** First block to read. */
  readonly fromBlock: bigint;
  /** Gets a receipt file from the challenger, or from whoever has it. */
  readonly evidence: (challenger: Uint8Array, receiptHash: Uint8Array) => Promise<Uint8Array>;
  /** Whether this party sees to it that the case has a juror: its challenger does, and anyone may. */
  readonly drawFor: (event: Extract<CourtEvent, { kind: "challenged" }>) => boolean;
  readonly onEvent?: (event: CourtEvent) => Promise<void>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface OpenCase {
  readonly receiptHash: Uint8Array;
  readonly challenger: Uint8Array;
  /** Whether this party draws its jurors. */
  readonly ours: boolean;
}

/** Runs until the signal aborts. */
export async function attendCourt(options: CourtDutyOptions): Promise<void> {
  const { chain, log, signal } = options;
  const cases = new Map<bigint, OpenCase>();
  const background = new Set<Promise<void>>();

  function inBackground(task: Promise<void>): void {
    const settled = task
      .catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, "court duty failed");
      })
      .then(() => {
        background.delete(settled);
      });
    background.add(settled);
  }

  function duty(event: CourtEvent): void {
    switch (event.kind) {
      case "challenged": {
        const ours = options.drawFor(event);
        cases.set(event.caseId, { ...event, ours });
        if (ours) inBackground(drawWhenDue(options, event.caseId));
        return;
      }
      case "drawn":
        drawn(event, cases.get(event.caseId));
        return;
      case "anchored":
        if (cases.get(event.caseId)?.ours) inBackground(drawWhenDue(options, event.caseId));
        return;
      case "ruled":
      case "dismissed":
        cases.delete(event.caseId);
        return;
      case "slashed":
    }
  }

  function drawn(
    { caseId, juror, deadline }: Extract<CourtEvent, { kind: "drawn" }>,
    known: OpenCase | undefined,
  ): void {
    if (equalBytes(juror, chain.address)) inBackground(ruleOn(options, caseId, known));
    if (known?.ours) inBackground(redrawIfSilent(options, caseId, deadline));
  }

  await followCourt(chain, {
    fromBlock: options.fromBlock,
    onEvent: async (event) => {
      duty(event);
      await options.onEvent?.(event);
    },
    onError: (error) => log.warn({ err: error }, "following the court will be tried again"),
    signal,
  });
  await Promise.all(background);
}

/** The anchor block must pass first; somebody else may draw before us, which is as good. */
async function drawWhenDue(options: CourtDutyOptions, caseId: bigint): Promise<void> {
  const { chain, log, signal } = options;
  for (let tries = 0; tries < MAX_DRAW_TRIES && !signal.aborted; tries++) {
    try {
      await chain.draw(caseId);
      log.info({ caseId: caseId.toString() }, "drew a juror");
      return;
    } catch (error) {
      if (isRevert(error, "NotDrawing")) return;
      if (!(error instanceof ChainError)) throw error;
    }
    await pause(DRAW_RETRY_MS);
  }
}

/** A juror that has not ruled by its deadline loses its seat; the next is drawn on "anchored". */
async function redrawIfSilent(
  { chain, log, signal }: CourtDutyOptions,
  caseId: bigint,
  deadline: bigint,
): Promise<void> {
  while (!signal.aborted && (await chain.blockNumber()) <= deadline) await pause(DRAW_RETRY_MS);
  if (signal.aborted) return;
  try {
    await chain.redraw(caseId);
    log.warn({ caseId: caseId.toString() }, "the juror was silent and lost its seat");
  } catch (error) {
    // It has ruled, or somebody else was faster.
    if (!isRevert(error, "NotRuling")) throw error;
  }
}

const isRevert = (error: unknown, name: string): boolean =>
  error instanceof ChainError &&
  error.detail.code === "CHAIN_REVERTED" &&
  error.detail.reason.startsWith(`${name}(`);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function ruleOn(
  options: CourtDutyOptions,
  caseId: bigint,
  known: OpenCase | undefined,
): Promise<void> {
  const { chain, models, log } = options;
  if (known === undefined)
    throw new Error(`case ${caseId} was opened before this node followed the court`);
  const bytes = await options.evidence(known.challenger, known.receiptHash);
  const judgement = judge(bytes, chain.domain, models);
  if (judgement.kind === "unusable") {
    // No word is better than a wrong one: the seat passes on, and three silent jurors dismiss the case.
    log.warn({ caseId: caseId.toString(), reason: judgement.reason }, "evidence is unusable");
    return;
  }
  if (!equalBytes(receiptHash(judgement.file.receipt), known.receiptHash)) {
    log.warn({ caseId: caseId.toString() }, "the challenger sent another receipt's file");
    return;
  }
  const fraud = judgement.kind === "fraud";
  const ruled = await chain.rule(caseId, fraud);
  log.info(
    {
      caseId: caseId.toString(),
      receipt: bytesToHex(known.receiptHash),
      fraud,
      reason: judgement.kind === "fraud" ? judgement.reason : "the receipt holds",
      tx: ruled.hash,
    },
    "ruled as juror",
  );
}
