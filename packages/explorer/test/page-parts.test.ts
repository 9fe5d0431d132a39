/** What the page computes without a browser. */

import { readFileSync } from "node:fs";
import { verify } from "@assay/verifier";
import { hexToBytes } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { TAMPERINGS } from "../src/messages.ts";
import { tamper } from "../src/tamper.ts";
import { milliseconds, tokens } from "../src/words.ts";

const VECTORS = new URL("../../../vectors/receipt-file.json", import.meta.url);
const bytes = (hex: string): Uint8Array => hexToBytes(hex.slice(2));

interface Vector {
  readonly name: string;
  readonly file: string;
  readonly context: {
    readonly program: {
      readonly root: string;
      readonly context: number;
      readonly vocab: number;
      readonly endTokens: readonly number[];
    };
  };
  readonly execution: { readonly chosen: readonly number[]; readonly traceRoot: string };
}
const { valid } = JSON.parse(readFileSync(VECTORS, "utf8")) as { valid: readonly Vector[] };
const vector = valid.find(({ name }) => name === "nothing expected");
if (vector === undefined)
  throw new Error("the vectors have no receipt of which nothing is expected");
const file = bytes(vector.file);
const { program } = vector.context;

const reasonOf = (changed: Uint8Array) =>
  verify(changed, { program: { ...program, root: bytes(program.root) } }, () => ({
    chosen: vector.execution.chosen,
    traceRoot: bytes(vector.execution.traceRoot),
  })).reason;

describe("tampering", () => {
  test("starts from a receipt that holds", () => {
    expect(reasonOf(file)).toBeNull();
  });

  test.each(TAMPERINGS)("%s: changes the file, says how, and is found", (tampering) => {
    const { file: changed, change } = tamper(file, tampering, program.vocab, (below) => below - 1);
    expect(changed).not.toEqual(file);
    expect(reasonOf(changed)).not.toBeNull();
    expect(change).toMatch(/^.{20,100}$/);
  });

  test("a bit anywhere: the first, the last, and only that one", () => {
    for (const bit of [0, 8 * file.length - 1]) {
      const { file: changed } = tamper(file, "bit", program.vocab, () => bit);
      const differing = changed.filter((byte, i) => byte !== file[i]);
      expect(differing).toHaveLength(1);
      expect(changed[bit >> 3]).toBe((file[bit >> 3] ?? 0) ^ (1 << (bit % 8)));
      expect(reasonOf(changed)).not.toBeNull();
    }
  });
});

describe("numbers in words", () => {
  test.each([
    ["0", "0"],
    ["1", "0.000000000000000001"],
    ["54000000000000", "0.000054"],
    ["1000000000000000000", "1"],
    ["12500000000000000000", "12.5"],
  ])("%s base units are %s tokens", (base, words) => {
    expect(tokens(base)).toBe(words);
  });

  test("times: tenths below ten milliseconds", () => {
    expect([milliseconds(0.04), milliseconds(9.96), milliseconds(77.4)]).toEqual([
      "0.0 ms",
      "10.0 ms",
      "77 ms",
    ]);
  });
});
