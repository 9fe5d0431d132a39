/** Models that a role has loaded: decoded, checked, named by their root, with an engine. */

import { readFileSync } from "node:fs";
import { createEngine, type Engine } from "@assay/engine";
import { checkProgram, decodeProgram, type Program, programRoot } from "@assay/model";
import { bytesToHex } from "@assay/wire";

export interface LoadedModel {
  readonly root: Uint8Array;
  readonly program: Program;
  readonly engine: Engine;
}

/** Loads a program file. @throws with the file's name and the reason if it is not a program that may run. */
function loadModel(path: string): LoadedModel {
  const program = decodeProgram(new Uint8Array(readFileSync(path)));
  const checked = checkProgram(program);
  if (!checked.ok) throw new Error(`${path} is not a valid program: ${checked.message}`);
  return { root: programRoot(program), program, engine: createEngine(program) };
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
  programRoot(decodeProgram(new Uint8Array(readFileSync(path))));
