/** The browser that the page's tests look through: found, or installed where that can be done unasked. */

import { existsSync } from "node:fs";
import { aptInstall } from "./apt.ts";

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

/** Its path; undefined, and a line that says so, where there is none and none can be installed unasked. */
export function ensureChromium(): string | undefined {
  const found = findChromium();
  if (found !== undefined) return found;
  if (aptInstall(["chromium", "fonts-dejavu-core"])) return findChromium();
  console.log(
    "no Chromium here: the page's tests will skip; install it, or set CHROMIUM_PATH to one",
  );
  return undefined;
}
