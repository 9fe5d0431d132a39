import {
  bytesToHex,
  concatBytes,
  dataRoot,
  hexToBytes,
  keccak256,
  merkleRoot,
  sha256,
} from "@assay/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomProgram } from "../src/conformance/index.ts";
import {
  checkProgram,
  decodeProgram,
  encodeProgram,
  encodeRecord,
  interpret,
  type Operator,
  type Program,
  ProgramError,
  programRoot,
  programRoots,
} from "../src/index.ts";
import { readVectors } from "./vectors.ts";

const { programs } = readVectors<{ programs: { name: string; hex: string }[] }>("program.json");
const everyOperator = hexToBytes(programs[1]?.hex ?? "");

describe("the program file", () => {
  test("decode inverts encode", () => {
    for (let seed = 0; seed < 40; seed++) {
      const program: Program = {
        ...randomProgram(seed),
        assets: [
          { kind: "tokenizer", data: Uint8Array.from({ length: seed * 7 }, (_, i) => i) },
          { kind: "chatTemplate", data: new Uint8Array() },
        ],
      };
      const bytes = encodeProgram(program);
      expect(decodeProgram(bytes)).toEqual(program);
      expect(decodeProgram(concatBytes(Uint8Array.of(1), bytes).subarray(1))).toEqual(program);
    }
  });

  test("a file with some bytes changed is refused, or is the one file of another program", () => {
    const at = fc.nat(everyOperator.length - 1);
    // Most changes of the data only change weights: look at the structure as often.
    const change = fc.tuple(fc.oneof(at, fc.nat(3000)), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = everyOperator.slice();
        for (const [offset, value] of changes) bytes[offset] = value;
        let program: Program;
        try {
          program = decodeProgram(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProgramError);
          return;
        }
        expect(encodeProgram(program)).toEqual(bytes);
        // Whatever the check accepts, the interpreter runs without one of its assertions firing.
        if (checkProgram(program).ok && program.vocab > 4) interpret(program, [0, 4, 2]);
      }),
      { numRuns: 1500 },
    );
  });

  test("no bytes make the decoder allocate or fail otherwise than by a ProgramError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const start = everyOperator.subarray(0, 20);
        const bytes = concatBytes(start, tail);
        expect(() => decodeProgram(bytes)).toThrow(ProgramError);
      }),
    );
  });

  const program = decodeProgram(everyOperator);
  const [first, ...rest] = program.tensors;
  const embed: Operator = { op: "embed", weight: 0, multiplier: 1, s: 0 };
  test.each<[string, Program]>([
    ["too many operators", { ...program, operators: new Array<Operator>(4097).fill(embed) }],
    ["too many end tokens", { ...program, endTokens: new Array<number>(17).fill(0) }],
    ["an end token below 0", { ...program, endTokens: [-1] }],
    ["a fractional context", { ...program, context: 1.5 }],
    ["a vocabulary of 2^32", { ...program, vocab: 2 ** 32 }],
    ["a state beyond a field", { ...program, blocks: [{ end: 1, state: 65536 }] }],
    ["a tensor number that means none", { ...program, operators: [{ ...embed, weight: 65535 }] }],
    ["a negative tensor number", { ...program, operators: [{ ...embed, weight: -1 }] }],
    ["a shift beyond int32", { ...program, operators: [{ ...embed, s: 2 ** 31 }] }],
    ["a fractional shift", { ...program, operators: [{ ...embed, s: 0.5 }] }],
    [
      "a tensor that its dimensions do not describe",
      { ...program, tensors: [{ type: "uint16", dims: [3], data: new Uint16Array(2) }] },
    ],
    [
      "an asset of more than 16 MiB",
      { ...program, assets: [{ kind: "tokenizer", data: new Uint8Array(2 ** 24 + 1) }] },
    ],
  ])("refuses to encode %s", (_name, wrong) => {
    expect(() => encodeProgram(wrong)).toThrow(RangeError);
  });

  test("each part of a program changes its root", () => {
    const roots = [
      program,
      { ...program, context: program.context - 1 },
      { ...program, endTokens: [] },
      { ...program, operators: program.operators.slice(1) },
      { ...program, tensors: first === undefined ? [] : [first, first, ...rest.slice(1)] },
      { ...program, assets: program.assets.slice(1) },
      { ...program, assets: [] },
    ].map((changed) => bytesToHex(programRoot(changed)));
    expect(new Set(roots).size).toBe(roots.length);
  });

  test("the head and the record hashes are of the file's own bytes", () => {
    const head = everyOperator.slice(8, 32 + 4 * (2 + 2));
    const roots = programRoots(program, {
      keccak256,
      merkleRoot,
      dataRoot: (bytes) => dataRoot(bytes, sha256),
    });
    expect(roots.headHash).toEqual(keccak256(head));
    expect(roots).toEqual(programRoots(program));
    const record = everyOperator.slice(8 + head.length, 8 + head.length + 64);
    expect(program.operators.slice(0, 1).map(encodeRecord)).toEqual([record]);
    const [asset] = program.assets.slice(1);
    expect(dataRoot(asset?.data ?? record)).toEqual(sha256(asset?.data ?? record));
  });
});
