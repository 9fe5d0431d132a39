#!/usr/bin/env node
// The `assay` command on any Node >= 18: hands over to the bundled sources on the pinned Node.

import { fileURLToPath } from "node:url";
import { runAssay } from "./run-assay.mjs";

await runAssay(fileURLToPath(new URL("../../..", import.meta.url)), process.argv.slice(2));
