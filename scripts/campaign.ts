/** `npm run campaign -- NAME [ARGS]`: runs campaigns/NAME.ts, a run too long for `npm test`. */

import { spawnSync } from "node:child_process";
import path from "node:path";
import { filesBelow } from "./repository.ts";

const EXIT_USAGE = 2;

const files = new Map(
  filesBelow("campaigns", [".ts"]).map((file) => [path.basename(file, ".ts"), file]),
);
const [name = "", ...args] = process.argv.slice(2);
const file = files.get(name);
if (file === undefined) {
  const known =
    files.size === 0 ? "there is none yet" : `there are: ${[...files.keys()].join(", ")}`;
  console.error(`unknown campaign "${name}"; ${known}`);
  process.exitCode = EXIT_USAGE;
} else {
  const flags = ["--disable-warning=ExperimentalWarning"];
  process.exitCode =
    spawnSync(process.execPath, [...flags, file, ...args], { stdio: "inherit" }).status ?? 1;
}
