/** Nothing in a receipt file may change by one bit without a reason (spec/03 §3.4). */

import { bytesToHex } from "@assay/wire";
import { expect, test, vi } from "vitest";
import { vectorNamed } from "./vectors.ts";

/** Most flips leave two of the three signatures as they are: recover each digest and signature once. */
vi.mock("@assay/wire", async (original) => {
  const wire = await original<typeof import("@assay/wire")>();
  const known = new Map<string, Uint8Array | null>();
  const recoverTyped: typeof wire.recoverTyped = (domain, structHash, signature) => {
    const key = bytesToHex(wire.concatBytes(wire.typedDigest(domain, structHash), signature));
    const found = known.get(key) ?? wire.recoverTyped(domain, structHash, signature);
    known.set(key, found);
    return found;
  };
  return { ...wire, recoverTyped };
});

const { verify } = await import("../src/index.ts");

test("every bit of a receipt file counts, each with a reason", { timeout: 600_000 }, () => {
  const { file, context, execute } = vectorNamed("nothing expected");
  expect(verify(file, context, execute).ok).toBe(true);
  const reasons = new Map<string, number>();
  const changed = file.slice();
  for (let bit = 0; bit < 8 * file.length; bit++) {
    const at = Math.floor(bit / 8);
    const before = changed[at] ?? 0;
    changed[at] = before ^ (1 << (bit % 8));
    const { ok, reason } = verify(changed, context, execute);
    changed[at] = before;
    if (ok || reason === null) expect.fail(`bit ${bit % 8} of byte ${at} does not count`);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  expect([...reasons.values()].reduce((sum, count) => sum + count, 0)).toBe(8 * file.length);
  expect(Object.fromEntries(reasons)).toMatchInlineSnapshot(`
    {
      "ACCEPTANCE_SIGNATURE_MALFORMED": 127,
      "ACCEPTANCE_SIGNER_WRONG": 649,
      "FORMAT_INVALID": 158,
      "NONCE_NOT_OPENED": 256,
      "ORDER_SIGNATURE_MALFORMED": 143,
      "ORDER_SIGNER_WRONG": 2522,
      "OUTPUT_NOT_OPENED": 352,
      "PROMPT_NOT_OPENED": 384,
      "RECEIPT_SIGNATURE_MALFORMED": 131,
      "RECEIPT_SIGNER_WRONG": 2342,
    }
  `);
});
