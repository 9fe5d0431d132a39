/** A process of its own that verifies one receipt file: `verify-cold.ts PROGRAM RECEIPT` prints its milliseconds as JSON. */

import { readFileSync } from "node:fs";

const [program = "", receipt = ""] = process.argv.slice(2);
const started = performance.now();
const { openModel } = await import("@assay/sdk");
const imported = performance.now();
const { ok } = openModel(readFileSync(program)).verify(readFileSync(receipt));
const decided = performance.now();
console.log(JSON.stringify({ ok, imports: imported - started, verify: decided - imported }));
