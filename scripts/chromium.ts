/** The browser that the page's tests look through: found, or installed where that can be done unasked. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Of the path that CHROMIUM_PATH names and the usual places, the first that is there. */
export function findChromium(): string | undefined {
  return [process.env["CHROMIUM_PATH"], ...PLACES].find(
    (path) => path !== undefined && existsSync(path),
  );
}

/**
 * Installs Debian's package where there is none and this is a container or a build machine: run by root, with apt.
 * Elsewhere says what to do; the page's tests then skip visibly, and count as failed in CI.
 */
export function ensureChromium(): string | undefined {
  const found = findChromium();
  if (found !== undefined) return found;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync("/usr/bin/apt-get")) {
    console.log(
      "no Chromium here: the page's tests will skip; install it, or set CHROMIUM_PATH to one",
    );
    return undefined;
  }
  console.log("installing Chromium with apt-get, for the page's tests");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
  ]) {
    const result = spawnSync("apt-get", args, { encoding: "utf8", env, maxBuffer: 2 ** 26 });
    if (result.status === 0) continue;
    console.log(`apt-get ${args.join(" ")} failed: ${result.error?.message ?? result.stderr}`);
    return undefined;
  }
  return findChromium();
}
