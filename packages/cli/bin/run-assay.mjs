// Runs `assay` from its bundle, or from the sources where there is no bundler. Plain JavaScript for Node >= 18.

import path from "node:path";
import { ensureBundle } from "./bundle.mjs";
import { runOnPinnedNode } from "./pinned-node.mjs";

/**
 * @param {string} root the repository
 * @param {string[]} args verb and its arguments
 */
export async function runAssay(root, args) {
  const bundle = await ensureBundle(root);
  if (!bundle.ok) {
    process.stderr.write(
      `assay: starting from the sources, which is slower: no bundle (${bundle.reason})\n`,
    );
  }
  const entry = bundle.ok ? bundle.path : path.join(root, "packages", "cli", "src", "main.ts");
  runOnPinnedNode(entry, args, {
    NODE_COMPILE_CACHE: path.join(root, "node_modules", ".cache", "assay", "compiled"),
  });
}
