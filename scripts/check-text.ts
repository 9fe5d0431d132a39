/** Fails where a file names something that only one machine has: a path, a package host. */

import { readFileSync } from "node:fs";
import { gitFiles, report } from "./repository.ts";

const FORBIDDEN: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /(?<![\w.~-])\/work\//, why: "an absolute path of one machine" },
  { pattern: /(?<![\w.~-])\/root\//, why: "an absolute path of one machine" },
  { pattern: /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\b/i, why: "a package registry's host" },
  { pattern: /https?:\/\/[\w.-]*\bregistry[\w-]*\./i, why: "a package registry's host" },
];

const problems: string[] = [];
let looked = 0;
for (const file of gitFiles()) {
  const bytes = readFileSync(file);
  if (bytes.subarray(0, 8192).includes(0)) continue;
  looked++;
  const text = bytes.toString("utf8");
  for (const { pattern, why } of FORBIDDEN) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const line = text.slice(0, match.index).split("\n").length;
    problems.push(`${file}:${line}: "${match[0]}" is ${why}`);
  }
}
if (looked === 0) problems.push("no text files found: this check would pass vacuously");
report(problems, `${looked} text files`);
