import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createTables, globalTables, TABLE_HASHES, tableHash } from "../src/index.ts";
import { readVectors } from "./vectors.ts";

interface TableVector {
  sha256: string;
  entries: number;
  least: number;
  largest: number;
  samples: [number, number][];
}
const vectors = readVectors<Record<"exp" | "silu" | "recip" | "rsqrt", TableVector>>("tables.json");

test.each(["exp", "silu", "recip", "rsqrt"] as const)("%s is the exact generator's", (name) => {
  const entries = createTables()[name];
  const { samples, ...expected } = vectors[name];
  expect({
    sha256: tableHash(entries),
    entries: entries.length,
    least: entries.reduce((a, b) => Math.min(a, b)),
    largest: entries.reduce((a, b) => Math.max(a, b)),
  }).toEqual(expected);
  expect(TABLE_HASHES[name]).toBe(expected.sha256);
  for (const [index, entry] of samples) expect([index, entries[index]]).toEqual([index, entry]);
});

test("a platform with other arithmetic is refused, whatever was computed before", () => {
  const wrong = (): Uint8Array => new Uint8Array(32);
  expect(() => globalTables(wrong)).toThrow("table exp came out with hash 0000");
  const native = (bytes: Uint8Array): Uint8Array =>
    Uint8Array.from(createHash("sha256").update(bytes).digest());
  const tables = globalTables(native);
  expect(tables).toEqual(createTables());
  expect(globalTables()).toBe(tables);
});
