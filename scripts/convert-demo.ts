/** Converts models/demo to its integer program, models/demo/demo.assay, and prints the program's root. */

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { checkProgram, encodeProgram, programRoot } from "@assay/model";
import { type LlamaModel, quantiseLlama } from "@assay/model/quantiser";
import { bytesToHex } from "@assay/wire";
import { readModelFolder } from "./model-folder.ts";

const FOLDER = "models/demo";

/** Weights of the model, a shared embedding once. */
function countParameters({ embedding, finalNorm, head, layers }: LlamaModel): number {
  const matrices = [
    embedding,
    finalNorm,
    head ?? [],
    ...layers.flatMap((layer) => Object.values<Float32Array>({ ...layer })),
  ];
  return matrices.reduce((count, { length }) => count + length, 0);
}

const { model, tokenizerFile, template, calibration } = readModelFolder(FOLDER);
const program = quantiseLlama(model, {
  calibration,
  assets: [
    { kind: "tokenizer", data: tokenizerFile },
    { kind: "chatTemplate", data: new TextEncoder().encode(template) },
  ],
});
const checked = checkProgram(program);
if (!checked.ok)
  throw new Error(`the quantiser made a program that is refused: ${checked.message}`);

const file = encodeProgram(program);
const description = {
  root: bytesToHex(programRoot(program)),
  sha256: createHash("sha256").update(file).digest("hex"),
  parameters: countParameters(model),
  context: program.context,
};
writeFileSync(`${FOLDER}/demo.assay`, file);
writeFileSync(`${FOLDER}/program.json`, `${JSON.stringify(description, null, 2)}\n`);
console.log(`${FOLDER}/demo.assay: ${file.length} bytes, root ${description.root}`);
