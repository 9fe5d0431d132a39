/** Compiles assembly/ and writes the module, as base64 with its SHA-256, to src/generated/kernels-wasm.ts. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime",
  "stub",
  "--enable",
  "simd",
  "--disable",
  "relaxed-simd",
  "--importMemory",
];

const LINE = 96;

const folder = fileURLToPath(new URL("..", import.meta.url));

function compile(): Buffer {
  const asc = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
  const temporary = mkdtempSync(path.join(tmpdir(), "kernels-"));
  try {
    const outFile = path.join(temporary, "kernels.wasm");
    const args = [asc, "assembly/index.ts", "--outFile", outFile, ...OPTIONS];
    const { status } = spawnSync(process.execPath, args, { cwd: folder, stdio: "inherit" });
    if (status !== 0) throw new Error(`asc ended with ${status}`);
    return readFileSync(outFile);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function source(wasm: Buffer): string {
  const lines = wasm.toString("base64").match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  const hash = createHash("sha256").update(wasm).digest("hex");
  return `// Written by packages/kernels/scripts/build.ts from packages/kernels/assembly. Do not edit.

/** SHA-256 of the module's ${wasm.length} bytes. */
export const KERNELS_SHA256: string =
  "${hash}";

export const KERNELS_BASE64: string = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`;
}

writeFileSync(path.join(folder, "src/generated/kernels-wasm.ts"), source(compile()));
