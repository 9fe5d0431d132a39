/**
 * A staked party's part in court (spec/04 §4.7): draws jurors of open cases, and rules when it is the juror.
 *
 * Worker and verifier both run this: any of them may be drawn.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type ChainClient, type CourtEvent, followCourt } from "@assay/chain";
import { bytesToHex, equalBytes, receiptHash } from "@assay/wire";
import type { Logger } from "../logger.ts";
import type { LoadedModel } from "../models.ts";
import { judge } from "./judge.ts";

const POLL_MS = 250;
const MAX_RETRY_MS = 2_000;

export interface CourtDutyOptions {
  readonly chain: ChainClient;
  readonly models: ReadonlyMap<string, LoadedModel>;
  /** First block to read. */
  readonly fromBlock: bigint;
  /** Gets a receipt file from the challenger; undefined when it does not give it now. */
  readonly evidence: (
    challenger: Uint8Array,
    receiptHash: Uint8Array,
  ) => Promise<Uint8Array | undefined>;
  /** Whether this party sees to it that the case has a juror and ends: anyone may. */
  readonly drawFor: (event: Extract<CourtEvent, { kind: "challenged" }>) => boolean;
  readonly onEvent?: (event: CourtEvent) => Promise<void>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface OpenCase {
  readonly receiptHash: Uint8Array;
  readonly challenger: Uint8Array;
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
      case "challenged":
        cases.set(event.caseId, event);
        if (options.drawFor(event)) inBackground(seeThrough(options, event.caseId));
        return;
      case "drawn": {
        const known = cases.get(event.caseId);
        if (!equalBytes(event.juror, chain.address)) return;
        if (known !== undefined) inBackground(ruleOn(options, event.caseId, known));
        else log.error({ caseId: event.caseId.toString() }, "drawn for a case that is not known");
        return;
      }
      case "ruled":
      case "dismissed":
        cases.delete(event.caseId);
        return;
      case "anchored":
      case "slashed":
    }
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

/**
 * Repeats a step until it says that its duty is over. One that fails is tried again, later and later: the
 * RPC may be gone for a while, and somebody else's transaction may have come before ours.
 */
async function untilOver(
  { log, signal }: CourtDutyOptions,
  caseId: bigint,
  step: () => Promise<boolean>,
): Promise<void> {
  let delay = POLL_MS;
  while (!signal.aborted) {
    try {
      if (await step()) return;
      delay = POLL_MS;
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, caseId: caseId.toString() }, "court duty will be tried again");
      delay = Math.min(2 * delay, MAX_RETRY_MS);
    }
    await sleep(delay, undefined, { signal }).catch(() => undefined);
  }
}

/** Draws the juror when the anchor block has passed, and the next one when a juror was silent, to the end. */
function seeThrough(options: CourtDutyOptions, caseId: bigint): Promise<void> {
  const { chain, log } = options;
  return untilOver(options, caseId, async () => {
    const [found, head] = await Promise.all([chain.caseOf(caseId), chain.blockNumber()]);
    // A transaction that is sent now is included one block on.
    if (found.state === "drawing" && head >= found.anchor) {
      await chain.draw(caseId);
      log.info({ caseId: caseId.toString() }, "drew a juror");
    }
    if (found.state === "ruling" && head >= found.deadline) {
      await chain.redraw(caseId);
      log.warn({ caseId: caseId.toString() }, "the juror was silent and lost its seat");
    }
    return found.state === "closed";
  });
}

/** Rules when there is a judgement; without one the seat passes on, and three silent jurors dismiss the case. */
async function ruleOn(
  options: CourtDutyOptions,
  caseId: bigint,
  { challenger, receiptHash: id }: OpenCase,
): Promise<void> {
  const { chain, log } = options;
  let decision: Decision | undefined;
  await untilOver(options, caseId, async () => {
    const [found, head] = await Promise.all([chain.caseOf(caseId), chain.blockNumber()]);
    // Also after a restart: what has been ruled, or is too late, is not judged again.
    const due = found.state === "ruling" && equalBytes(found.juror, chain.address);
    if (!due || head >= found.deadline) return true;
    if (decision === undefined) {
      const file = await options.evidence(challenger, id);
      if (file === undefined) return false;
      decision = decide(options, id, file);
    }
    const { fraud, reason } = decision;
    if (fraud === undefined) {
      // No word is better than a wrong one.
      log.warn({ caseId: caseId.toString(), reason }, "the evidence is unusable");
      return true;
    }
    const { hash: tx } = await chain.rule(caseId, fraud);
    const receipt = bytesToHex(id);
    log.info({ caseId: caseId.toString(), receipt, fraud, reason, tx }, "ruled as juror");
    return true;
  });
}

interface Decision {
  /** Undefined when the file decides nothing. */
  readonly fraud: boolean | undefined;
  readonly reason: string;
}

function decide({ chain, models }: CourtDutyOptions, id: Uint8Array, file: Uint8Array): Decision {
  const judgement = judge(file, chain.domain, models);
  if (judgement.kind === "unusable") return { fraud: undefined, reason: judgement.reason };
  if (!equalBytes(receiptHash(judgement.file.receipt), id)) {
    return { fraud: undefined, reason: "the challenger sent another receipt's file" };
  }
  if (judgement.kind === "fraud") return { fraud: true, reason: judgement.reason };
  return { fraud: false, reason: "the receipt holds" };
}
