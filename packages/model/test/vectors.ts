import { readFileSync } from "node:fs";

/** The parsed file `vectors/<name>`, whose shape the caller states. */
export function readVectors<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), "utf8"));
}
