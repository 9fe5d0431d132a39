/** The verifier: checks receipt files that are handed to it, challenges frauds, serves evidence, rules as juror. */

import { join } from "node:path";
import type { CourtEvent } from "@assay/chain";
import { bytesToHex, equalBytes, ROLES, RPC_CODES } from "@assay/wire";
import type { Call } from "../mesh/link.ts";
import { loadModels } from "../models.ts";
import { connectStaked, joinMesh, type Role, type RoleOptions } from "../role.ts";
import { openDatabase } from "../store/database.ts";
import { startChallenger } from "./challenge.ts";
import { attendCourt } from "./court.ts";
import { createEvidenceBook, type EvidenceBook } from "./evidence.ts";
import { recentBlock, requestEvidence } from "./evidence-request.ts";
import { judge } from "./judge.ts";

export async function startVerifier(options: RoleOptions): Promise<Role> {
  const { log } = options;
  const stopping = new AbortController();
  const models = loadModels(options.models);
  const database = openDatabase(join(options.home, "verifier.sqlite"));
  const book = createEvidenceBook(database);
  const chain = await connectStaked(options);

  const challenger = startChallenger({ book, chain, models, log, signal: stopping.signal });

  async function take(call: Call, file: Uint8Array): Promise<void> {
    const judgement = judge(file, chain.domain, models);
    if (judgement.kind === "unusable") {
      log.info({ reason: judgement.reason }, "evidence refused");
      return call.send({ type: "fail", code: RPC_CODES.invalidEvidence, text: judgement.reason });
    }
    const fraud = judgement.kind === "fraud" ? judgement.reason : null;
    await book.add(judgement.file, file, fraud);
    call.send({ type: "ok" });
    if (fraud !== null) challenger.wake();
  }

  const { mesh, peers } = await joinMesh({
    role: options,
    self: { address: chain.address, roles: ROLES.verifier, programs: [], freeSlots: () => 0 },
    onCall: async (_peer, call, first) => {
      if (first.type === "evidencePut") await take(call, first.file);
      if (first.type === "evidenceGet") await serveEvidence(book, call, first.receiptHash);
    },
  });
  const court = attendCourt({
    chain,
    models,
    fromBlock: await recentBlock(chain),
    evidence: async (challenger, hash) => {
      const own = await book.find(bytesToHex(hash));
      if (own !== undefined) return new Uint8Array(own.file);
      return requestEvidence(peers, challenger, hash, stopping.signal);
    },
    drawFor: (event) => equalBytes(event.challenger, chain.address),
    onEvent: noteOutcome(book),
    log,
    signal: stopping.signal,
  });
  return {
    addresses: mesh.addresses,
    async stop() {
      stopping.abort();
      await mesh.stop();
      await Promise.all([court, challenger.done]);
      await database.destroy();
    },
  };
}

/** Answers EVIDENCE_GET from the book. */
async function serveEvidence(book: EvidenceBook, call: Call, hash: Uint8Array): Promise<void> {
  const row = await book.find(bytesToHex(hash));
  call.send(
    row === undefined
      ? {
          type: "fail",
          code: RPC_CODES.notFound,
          text: "this verifier does not hold that receipt",
        }
      : { type: "evidence", file: new Uint8Array(row.file) },
  );
}

/** Keeps each case's outcome beside its evidence. */
function noteOutcome(book: EvidenceBook): (event: CourtEvent) => Promise<void> {
  const receipts = new Map<bigint, string>();
  return async (event) => {
    if (event.kind === "slashed") return;
    if (event.kind === "challenged") receipts.set(event.caseId, bytesToHex(event.receiptHash));
    const receipt = receipts.get(event.caseId);
    if (receipt === undefined) return;
    if (event.kind === "challenged") await book.setState(receipt, "challenged", event.caseId);
    if (event.kind === "ruled") await book.setState(receipt, event.fraud ? "upheld" : "dismissed");
    if (event.kind === "dismissed") await book.setState(receipt, "dismissed");
  };
}
