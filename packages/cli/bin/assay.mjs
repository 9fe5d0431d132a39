#!/usr/bin/env node
// The `assay` command on any Node >= 18: hands over to src/main.ts on the pinned Node.

import { fileURLToPath } from "node:url";
import { runOnPinnedNode } from "./pinned-node.mjs";

runOnPinnedNode(fileURLToPath(new URL("../src/main.ts", import.meta.url)), process.argv.slice(2));
