/** Where the sources lie, also when this runs from a bundle of them. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

function findUp(from: string): string {
  if (existsSync(join(from, "models", "demo"))) return from;
  const parent = dirname(from);
  if (parent === from)
    throw new Error("the folder models/demo is missing; is this a whole copy of Assay?");
  return findUp(parent);
}

export const repository: string = findUp(import.meta.dirname);
