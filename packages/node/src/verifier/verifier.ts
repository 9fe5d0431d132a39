/** The verifier: checks receipt files that are handed to it, challenges frauds, serves evidence, rules as juror. */

import type { ChainReader } from "@assay/chain";
import { bytesToHex, equalBytes, type Message, ROLES, RPC_CODES } from "@assay/wire";
import type { Peer } from "../mesh/peers.ts";
import { loadModels } from "../models.ts";
import { connectStaked, joinMesh, openRoleDatabase, type Role, type RoleOptions } from "../role.ts";
import { startChallenger } from "./challenge.ts";
import { attendCourt } from "./court.ts";
import { createEvidenceBook, type EvidenceBook, noteOutcomes } from "./evidence.ts";
import { recentBlock, requestEvidence } from "./evidence-request.ts";
import { createIntake } from "./intake.ts";

const PROTOCOL_FAULT: Message = {
  type: "fail",
  code: RPC_CODES.protocol,
  text: "HELLO comes first",
};

export async function startVerifier(options: RoleOptions): Promise<Role> {
  const { log } = options;
  const stopping = new AbortController();
  const models = loadModels(options.models);
  const database = await openRoleDatabase(options, "verifier");
  const book = createEvidenceBook(database);
  const chain = await connectStaked(options);
  await chain.ensureBondApproved();

  const challenger = startChallenger({ book, chain, models, log, signal: stopping.signal });
  const intake = createIntake({ book, chain, models, onFraud: challenger.wake, log });

  const { mesh, peers } = await joinMesh({
    role: options,
    self: { address: chain.address, roles: ROLES.verifier, programs: [], freeSlots: () => 0 },
    onCall: async (peer, call, first) => {
      if (peer === undefined) return call.send(PROTOCOL_FAULT);
      if (first.type === "evidencePut") call.send(await intake(first.file));
      if (first.type === "evidenceGet") {
        call.send(await evidenceFor(peer, first.receiptHash, book, chain));
      }
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
    onEvent: noteOutcomes(book, chain.address),
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

/** Prompt and answer are shown to nobody but the juror that has to rule on them now. */
async function evidenceFor(
  peer: Peer,
  hash: Uint8Array,
  book: EvidenceBook,
  chain: ChainReader,
): Promise<Message> {
  const row = await book.find(bytesToHex(hash));
  if (row?.challenge_id) {
    const { state, juror } = await chain.caseOf(BigInt(row.challenge_id));
    if (state === "ruling" && equalBytes(juror, peer.hello.address)) {
      return { type: "evidence", file: new Uint8Array(row.file) };
    }
  }
  const text = "this verifier holds no receipt file that you have to rule on now";
  return { type: "fail", code: RPC_CODES.notFound, text };
}
