/**
 * Builds the web page into generated/site: the page that a gateway serves, and the verifier as one file to save, whose
 * SHA-256 manifest.json pins, alone and with the demo program in it.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build, type InlineConfig, type Rollup } from "vite";

const folder = fileURLToPath(new URL("..", import.meta.url));
const site = path.join(folder, "generated", "site");
const models = path.join(folder, "..", "..", "models");
const VERIFIER = "verify.html";
/** Where a gateway puts a program, in base64, into the file to save. */
const MARKER = "<!-- program -->";
/** Of all its files together, compressed, without a model. */
const MAX_PAGE_BYTES = 250_000;

const shared: InlineConfig = {
  root: folder,
  configFile: false,
  logLevel: "warn",
  plugins: [svelte({ configFile: false })],
};
const target = "es2024";

async function buildSite(): Promise<void> {
  await build({
    ...shared,
    worker: { format: "es" },
    build: {
      target,
      outDir: site,
      emptyOutDir: true,
      modulePreload: false,
      reportCompressedSize: false,
    },
  });
}

/** The script and the style of the file to save. */
async function buildVerifier(): Promise<{ readonly script: string; readonly style: string }> {
  const built = (await build({
    ...shared,
    worker: { format: "iife" },
    build: {
      target,
      write: false,
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: path.join(folder, "src/verify-main.ts"),
      },
    },
  })) as Rollup.RollupOutput;
  const chunks = built.output.filter((file) => file.type === "chunk");
  const script = chunks.length === 1 ? chunks[0]?.code : undefined;
  const style = built.output.find((file) => file.fileName.endsWith(".css"));
  if (script === undefined || style?.type !== "asset")
    throw new Error("the verifier is not one script and one style");
  return {
    script: script.trim().replaceAll("</script", "<\\/script"),
    style: String(style.source).trim(),
  };
}

const digest = (text: string | Uint8Array, encoding: "hex" | "base64"): string =>
  createHash("sha256").update(text).digest(encoding);

/** Its own policy: this script and this style, no request to anywhere. */
function page(script: string, style: string): string {
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${digest(script, "base64")}' 'wasm-unsafe-eval'`,
    `style-src 'sha256-${digest(style, "base64")}'`,
    "worker-src blob:",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Assay: verify a receipt</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<script type="text/plain" id="program">${MARKER}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

const writeJson = (file: string, value: unknown): void =>
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

/** Bytes as a server would compress them. @throws where the page has grown over its limit */
function sizes(names: readonly string[]) {
  const compressed = (name: string): number =>
    gzipSync(readFileSync(path.join(site, name)), { level: 9 }).length;
  const page = names
    .filter((name) => name !== VERIFIER)
    .reduce((sum, name) => sum + compressed(name), 0);
  if (page > MAX_PAGE_BYTES) {
    throw new Error(`the page has ${page} bytes compressed, more than ${MAX_PAGE_BYTES}`);
  }
  return { unit: "bytes, gzip -9", page, [VERIFIER]: compressed(VERIFIER) };
}

await buildSite();
const { script, style } = await buildVerifier();
const verifier = page(script, style);
if (verifier.split(MARKER).length !== 2) throw new Error("there is not one place for a program");
const [before, after] = verifier.split(MARKER);
const demo = readFileSync(path.join(models, "demo/demo.assay")).toString("base64");
const { root } = JSON.parse(readFileSync(path.join(models, "demo/program.json"), "utf8")) as {
  root: string;
};
const plain = `${before}${after}`;
writeFileSync(path.join(site, VERIFIER), plain);
const at = Buffer.byteLength(before ?? "");
const files = Object.fromEntries(
  readdirSync(site, { recursive: true, encoding: "utf8" })
    .filter((name) => path.extname(name) !== "")
    .toSorted()
    .map((name) => [name, digest(readFileSync(path.join(site, name)), "hex")]),
);
const manifest = {
  /** SHA-256 of each file. */
  files,
  verify: {
    [VERIFIER]: { sha256: digest(plain, "hex") },
    "verify-demo.html": { sha256: digest(`${before}${demo}${after}`, "hex"), program: root, at },
  },
};
writeJson(path.join(site, "manifest.json"), manifest);
writeJson(path.join(folder, "generated", "sizes.json"), sizes(Object.keys(files)));
rmSync(path.join(site, ".vite"), { recursive: true, force: true });
