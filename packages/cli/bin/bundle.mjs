// Makes one file of what a start loads. Plain JavaScript: it runs on Node 18.
//
// The sources run as they are, but as 1,900 modules with their dependencies, which costs each process about
// a second of processor time; six processes start at once. The bundle is made from the sources again
// whenever one of them has changed, and only ever read from here.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";

/** Old bundles that stay: a network that runs may still load parts of its own. */
const KEPT = 3;

/**
 * The bundled entry point, made now if the sources have changed.
 *
 * @param {string} root the repository
 * @returns {Promise<{ ok: true, path: string } | { ok: false, reason: string }>}
 */
export async function ensureBundle(root) {
  const cache = path.join(root, "node_modules", ".cache", "assay");
  const folder = path.join(cache, fingerprint(root));
  const entry = path.join(folder, "main.js");
  if (existsSync(entry)) return { ok: true, path: entry };
  try {
    const { build } = await import("esbuild");
    const unfinished = `${folder}.${process.pid}`;
    mkdirSync(cache, { recursive: true });
    await build({
      entryPoints: [path.join(root, "packages", "cli", "src", "main.ts")],
      outdir: unfinished,
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      target: "node24",
      sourcemap: "linked",
      logLevel: "silent",
      // Some dependencies are CommonJS and ask for built-in modules with `require`.
      banner: {
        js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
      },
    });
    moveInto(unfinished, folder);
    removeOld(cache, folder);
    return { ok: true, path: entry };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Names, sizes and times of everything that goes in, besides what the lockfile stands for. */
function fingerprint(root) {
  const hash = createHash("sha256");
  const packages = path.join(root, "packages");
  const files = [path.join(root, "package-lock.json")];
  for (const name of readdirSync(packages).sort()) {
    const source = path.join(packages, name, "src");
    if (!existsSync(source)) continue;
    for (const file of readdirSync(source, { recursive: true }).sort()) {
      if (file.endsWith(".ts")) files.push(path.join(source, file));
    }
  }
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${path.relative(root, file)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 24);
}

/** Another process may have been faster: then its bundle, made of the same sources, stays. */
function moveInto(unfinished, folder) {
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

function removeOld(cache, current) {
  const folders = readdirSync(cache, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^[0-9a-f]{24}$/.test(entry.name))
    .map((entry) => path.join(cache, entry.name))
    .filter((folder) => folder !== current)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const folder of folders.slice(KEPT - 1)) rmSync(folder, { recursive: true, force: true });
}
