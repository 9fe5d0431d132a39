import { hexToBytes } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { checkProgram, decodeProgram, encodeProgram } from "../src/index.ts";
import { readVectors } from "./vectors.ts";

type Splice = [offset: number, removed: number, inserted: string];
interface Case {
  name: string;
  code: string;
  splice: Splice;
}
interface Vectors {
  "undecodable base": [string];
  undecodable: Case[];
  "checked base": [string];
  refused: Case[];
  accepted: Case[];
}
const vectors = readVectors<Vectors>("invalid-programs.json");

function spliced(base: [string], [offset, removed, inserted]: Splice): Uint8Array {
  const [hex] = base;
  return hexToBytes(hex.slice(0, 2 * offset) + inserted + hex.slice(2 * (offset + removed)));
}

test("the base of the undecodable files decodes", () => {
  const bytes = hexToBytes(vectors["undecodable base"][0]);
  expect(encodeProgram(decodeProgram(bytes))).toEqual(bytes);
});

test.each(vectors.undecodable)("decodeProgram refuses: $name", ({ code, splice }) => {
  const bytes = spliced(vectors["undecodable base"], splice);
  expect(() => decodeProgram(bytes)).toThrow(
    expect.objectContaining({ name: "ProgramError", detail: expect.objectContaining({ code }) }),
  );
});

describe("checkProgram", () => {
  test.each(vectors.refused)("refuses: $name", ({ code, splice }) => {
    const program = decodeProgram(spliced(vectors["checked base"], splice));
    expect(checkProgram(program)).toEqual(expect.objectContaining({ ok: false, code }));
  });

  test.each(vectors.accepted)("accepts: $name", ({ splice }) => {
    const program = decodeProgram(spliced(vectors["checked base"], splice));
    expect(checkProgram(program)).toEqual(expect.objectContaining({ ok: true }));
  });
});
