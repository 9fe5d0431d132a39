/** What keeps a verifier from bringing a fraud to court, and what does not. */

import { ChainError } from "@assay/chain";
import { bytesToHex, encodeReceiptFile, receiptHash } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { startChallenger } from "../src/verifier/challenge.ts";
import { createEvidenceBook, noteOutcomes } from "../src/verifier/evidence.ts";
import { openTestDatabase } from "./support/database.ts";
import { demoModel } from "./support/demo.ts";
import { eventually } from "./support/eventually.ts";
import { addressNamed } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { greedyAnswer, makeReceiptFile, PROMPT } from "./support/receipts.ts";

const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };
const TX = { hash: "0x00", block: 1n } as const;

async function bookWithFraud() {
  const database = await openTestDatabase();
  const book = createEvidenceBook(database);
  const [first = 0, second = 0] = greedyAnswer(PROMPT);
  const file = makeReceiptFile({ domain, output: [first, second === 5 ? 6 : 5] });
  await book.add(file, encodeReceiptFile(file), "tokens: wrong");
  return { book, id: receiptHash(file.receipt) };
}

describe("a fraud in the book", () => {
  const states = ["contested", "contested", "open"] as const;

  test("waits while somebody else's case is open, and is challenged after it", async () => {
    const { book } = await bookWithFraud();
    const asked: string[] = [];
    const stopping = new AbortController();
    const challenger = startChallenger({
      book,
      chain: {
        domain,
        orderState: async () => {
          const state = states[asked.length] ?? "open";
          asked.push(state);
          return state;
        },
        challenge: async () => {
          asked.push("challenge");
          return TX;
        },
      },
      models: new Map([[bytesToHex(demoModel().root), demoModel()]]),
      log: quietLog,
      signal: stopping.signal,
    });
    await eventually("it is challenged", async () => (await book.unchallenged()).length === 0);
    expect(asked).toEqual([...states, "challenge"]);
    stopping.abort();
    await challenger.done;
  });

  test("is tried again when the RPC fails, and left when its order is paid", async () => {
    const { book } = await bookWithFraud();
    const problems: unknown[] = [
      new Error("fetch failed"),
      new ChainError({ code: "CHAIN_REVERTED", action: "challenge", reason: "OrderPaid(1)" }),
    ];
    const stopping = new AbortController();
    const challenger = startChallenger({
      book,
      chain: {
        domain,
        orderState: async () => "open",
        challenge: async () => {
          throw problems.shift();
        },
      },
      models: new Map([[bytesToHex(demoModel().root), demoModel()]]),
      log: quietLog,
      signal: stopping.signal,
    });
    await eventually("it is left", async () => (await book.unchallenged()).length === 0);
    expect(problems).toEqual([]);
    stopping.abort();
    await challenger.done;
  });
});

describe("an outcome", () => {
  const event = (receipt: Uint8Array, challenger: string) => ({
    kind: "challenged" as const,
    caseId: 7n,
    receiptHash: receipt,
    orderHash: new Uint8Array(32),
    worker: addressNamed("worker"),
    client: addressNamed("client"),
    challenger: addressNamed(challenger),
    tx: "0x00" as const,
  });

  test.each([
    ["us", "dismissed", "7", 0],
    ["griefer", "checked", null, 1],
  ])("of a case by %s leaves the file %s", async (challenger, state, caseId, left) => {
    const { book, id } = await bookWithFraud();
    const note = noteOutcomes(book, addressNamed("us"));
    await note(event(id, challenger));
    await note({ kind: "dismissed", caseId: 7n, tx: "0x00" });
    const row = await book.find(bytesToHex(id));
    expect(row).toMatchObject({ state, challenge_id: caseId });
    expect(await book.unchallenged()).toHaveLength(left);
  });
});
