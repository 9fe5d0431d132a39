/** Models that a role has loaded: decoded, checked, named by their root, with an engine. */

import { readFileSync } from "node:fs";
import { createEngine, type Engine, hashing } from "@assay/engine";
import { decodeProgram, type Program, programRoot } from "@assay/model";
import { bytesToHex } from "@assay/wire";

export interface LoadedModel {
  readonly root: Uint8Array;
  /** The program file. */
  readonly path: string;
  readonly program: Program;
  readonly engine: Engine;
}

/** Loads a program file. @throws if it is not a program that may run. */
function loadModel(path: string): LoadedModel {
  const program = decodeProgram(new Uint8Array(readFileSync(path)));
  return { root: rootOf(program), path, program, engine: createEngine(program) };
}

/** Models by the hexadecimal text of their root. */
export function loadModels(paths: readonly string[]): ReadonlyMap<string, LoadedModel> {
  return new Map(
    paths.map((path) => {
      const model = loadModel(path);
      return [bytesToHex(model.root), model];
    }),
  );
}

/** Root of a program file, without running it. */
export const programRootOfFile = (path: string): Uint8Array =>
  rootOf(decodeProgram(new Uint8Array(readFileSync(path))));

const rootOf = (program: Program): Uint8Array => programRoot(program, hashing());
