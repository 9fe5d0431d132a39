/** What a verifier does with a file before it runs a model, and how many it lets wait. */

import { encodeReceiptFile, type ReceiptFile, RPC_CODES } from "@assay/wire";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createEvidenceBook } from "../src/verifier/evidence.ts";
import { createIntake, type IntakeOptions } from "../src/verifier/intake.ts";
import { openTestDatabase } from "./support/database.ts";
import { demoModel } from "./support/demo.ts";
import { quietLog } from "./support/log.ts";
import { makeReceiptFile, random32 } from "./support/receipts.ts";

const { judged } = vi.hoisted(() => ({ judged: vi.fn() }));
vi.mock("../src/verifier/judge.ts", async (original) => {
  const real = await original<typeof import("../src/verifier/judge.ts")>();
  return {
    ...real,
    judge: (...args: Parameters<typeof real.judge>) => {
      judged();
      return real.judge(...args);
    },
  };
});

const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };
const models = new Map([[Buffer.from(demoModel().root).toString("hex"), demoModel()]]);

async function intake(chain: Partial<IntakeOptions["chain"]> = {}) {
  const database = await openTestDatabase();
  const book = createEvidenceBook(database);
  const take = createIntake({
    book,
    chain: { domain, slashableOf: async () => 1n, orderState: async () => "open", ...chain },
    models,
    onFraud: () => undefined,
    log: quietLog,
  });
  return { book, take: (file: ReceiptFile) => take(encodeReceiptFile(file)) };
}

beforeEach(() => judged.mockClear());

const refused = (code: keyof typeof RPC_CODES) => ({ type: "fail", code: RPC_CODES[code] });

describe("nothing is run for a file", () => {
  test.each<keyof ReceiptFile>(["orderSignature", "acceptanceSignature", "receiptSignature"])(
    "whose %s is another's",
    async (field) => {
      const other = makeReceiptFile({ domain, client: "other", worker: "else" });
      const file = makeReceiptFile({ domain, file: { [field]: other[field] } });
      expect(await (await intake()).take(file)).toMatchObject(refused("invalidEvidence"));
      expect(judged).not.toHaveBeenCalled();
    },
  );

  test("that was signed for another chain", async () => {
    const file = makeReceiptFile({ domain: { ...domain, chainId: 1n } });
    expect(await (await intake()).take(file)).toMatchObject(refused("invalidEvidence"));
    expect(judged).not.toHaveBeenCalled();
  });

  test("of a model that is not here", async () => {
    const file = makeReceiptFile({ domain, order: { programRoot: random32() } });
    expect(await (await intake()).take(file)).toMatchObject(refused("unknownProgram"));
    expect(judged).not.toHaveBeenCalled();
  });

  test("of a worker without any stake", async () => {
    const { take } = await intake({ slashableOf: async () => 0n });
    expect(await take(makeReceiptFile({ domain }))).toMatchObject(refused("invalidEvidence"));
    expect(judged).not.toHaveBeenCalled();
  });

  test.each(["paid", "void"] as const)("whose order is %s", async (state) => {
    const { take } = await intake({ orderState: async () => state });
    expect(await take(makeReceiptFile({ domain }))).toMatchObject(refused("invalidEvidence"));
    expect(judged).not.toHaveBeenCalled();
  });

  test("that is in the book, or on its way there", async () => {
    const { take } = await intake();
    const file = makeReceiptFile({ domain });
    expect(await Promise.all([take(file), take(file)])).toEqual([{ type: "ok" }, { type: "ok" }]);
    expect(await take(file)).toEqual({ type: "ok" });
    expect(judged).toHaveBeenCalledTimes(1);
  });
});

test("a contested order may be challenged again: its file is kept", async () => {
  const { take } = await intake({ orderState: async () => "contested" });
  expect(await take(makeReceiptFile({ domain }))).toEqual({ type: "ok" });
});

test("64 files may wait, and the next is told to come again", async () => {
  const gate = Promise.withResolvers<bigint>();
  const { take } = await intake({ slashableOf: () => gate.promise });
  const waiting = Array.from({ length: 64 }, () => take(makeReceiptFile({ domain })));
  expect(await take(makeReceiptFile({ domain }))).toMatchObject(refused("busy"));
  gate.resolve(0n);
  for (const answer of await Promise.all(waiting)) {
    expect(answer).toMatchObject(refused("invalidEvidence"));
  }
});
