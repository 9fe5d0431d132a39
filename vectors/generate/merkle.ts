/**
 * `node vectors/generate/merkle.ts`: writes vectors/merkle.json, roots and paths of Merkle trees
 * (spec/02 §2.1), built as the specification says it: the whole padded tree, with viem's keccak256.
 */

import { writeFileSync } from "node:fs";
import { concat, type Hex, keccak256, stringToHex } from "viem";

const ZERO: Hex = `0x${"00".repeat(32)}`;
const COUNTS = [1, 2, 3, 4, 5, 8, 13];

/** All levels, leaves first. */
function tree(leaves: readonly Hex[]): readonly (readonly Hex[])[] {
  const width = 2 ** Math.ceil(Math.log2(leaves.length));
  const levels = [[...leaves, ...Array<Hex>(width - leaves.length).fill(ZERO)]];
  for (let level = levels[0] ?? []; level.length > 1; levels.push(level)) {
    const below = level;
    level = below
      .filter((_, i) => i % 2 === 0)
      .map((left, i) => keccak256(concat([left, below[2 * i + 1] ?? ZERO])));
  }
  return levels;
}

function makeCase(count: number) {
  const leaves = Array.from({ length: count }, (_, i) =>
    keccak256(stringToHex(`assay/vectors/leaf/${i}`)),
  );
  const levels = tree(leaves);
  return {
    count: String(count),
    leaves,
    root: levels.at(-1)?.[0],
    siblings: leaves.map((_, index) =>
      levels.slice(0, -1).map((level, depth) => level[(index >> depth) ^ 1]),
    ),
  };
}

const vectors = {
  description: "Merkle roots, and for each leaf its siblings, lowest first",
  spec: "spec/02 §2.1",
  generator: "vectors/generate/merkle.ts, by viem's keccak256",
  cases: COUNTS.map(makeCase),
};
writeFileSync("vectors/merkle.json", `${JSON.stringify(vectors, undefined, 2)}\n`);
