/** Debian's packages, where root runs this on a machine that has apt: a container, or a build machine. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** False, with a line that says why, where they could not be installed; false at once where nobody may. */
export function aptInstall(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  console.log(`installing ${packages.join(", ")} with apt-get, for the tests`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ]) {
    const result = spawnSync("apt-get", args, { encoding: "utf8", env, maxBuffer: 2 ** 26 });
    if (result.status === 0) continue;
    console.log(`apt-get ${args.join(" ")} failed: ${result.error?.message ?? result.stderr}`);
    return false;
  }
  return true;
}
