/** Receipt files that a verifier holds: what it serves to jurors, and what it still has to act on. */

import type { CourtEvent } from "@assay/chain";
import { bytesToHex, equalBytes, type ReceiptFile, receiptHash } from "@assay/wire";
import type { Database } from "../store/database.ts";
import type { EvidenceRow } from "../store/schema.ts";

export interface EvidenceBook {
  /** Stores a judged file; false when it was there. */
  add(file: ReceiptFile, bytes: Uint8Array, fraud: string | null): Promise<boolean>;
  find(id: string): Promise<EvidenceRow | undefined>;
  /** Frauds that are not on chain yet. */
  unchallenged(): Promise<readonly EvidenceRow[]>;
  setState(id: string, state: EvidenceRow["state"], caseId?: bigint): Promise<void>;
}

export function createEvidenceBook(database: Database): EvidenceBook {
  return {
    async add(file, bytes, fraud) {
      const result = await database
        .insertInto("evidence")
        .values({
          receipt_hash: bytesToHex(receiptHash(file.receipt)),
          worker: bytesToHex(file.order.worker),
          file: bytes,
          fraud: fraud === null ? 0 : 1,
          reason: fraud,
          challenge_id: null,
          state: "checked",
          created_at: Date.now(),
        })
        .onConflict((conflict) => conflict.column("receipt_hash").doNothing())
        .executeTakeFirst();
      return (result.numInsertedOrUpdatedRows ?? 0n) === 1n;
    },
    find: (id) =>
      database.selectFrom("evidence").selectAll().where("receipt_hash", "=", id).executeTakeFirst(),
    unchallenged: () =>
      database
        .selectFrom("evidence")
        .selectAll()
        .where("fraud", "=", 1)
        .where("state", "=", "checked")
        .execute(),
    async setState(id, state, caseId) {
      await database
        .updateTable("evidence")
        .set({ state, ...(caseId === undefined ? {} : { challenge_id: caseId.toString() }) })
        .where("receipt_hash", "=", id)
        .execute();
    },
  };
}

/**
 * Keeps the outcome of each case of ours beside its evidence. A case of somebody else's changes nothing: one
 * that was made to fail must not keep us from bringing our own.
 */
export function noteOutcomes(
  book: Pick<EvidenceBook, "setState">,
  own: Uint8Array,
): (event: CourtEvent) => Promise<void> {
  const receipts = new Map<bigint, string>();
  return async (event) => {
    if (event.kind === "slashed") return;
    if (event.kind === "challenged" && equalBytes(event.challenger, own)) {
      receipts.set(event.caseId, bytesToHex(event.receiptHash));
    }
    const receipt = receipts.get(event.caseId);
    if (receipt === undefined) return;
    await book.setState(receipt, stateAfter(event), event.caseId);
  };
}

function stateAfter(event: Exclude<CourtEvent, { kind: "slashed" }>): EvidenceRow["state"] {
  if (event.kind === "dismissed") return "dismissed";
  if (event.kind === "ruled") return event.fraud ? "upheld" : "dismissed";
  return "challenged";
}
