import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findNode, REQUIRED_MAJOR } from "../bin/pinned-node.mjs";

const bin = fileURLToPath(new URL("../bin/assay.mjs", import.meta.url));
const assay = (...args: readonly string[]) =>
  spawnSync(process.execPath, [bin, ...args], { encoding: "utf8" });

describe("assay", () => {
  test("--version prints the version and nothing else", () => {
    const { status, stdout, stderr } = assay("--version");
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("--help prints to standard output", () => {
    const { status, stdout, stderr } = assay("--help");
    expect(stdout).toContain("assay");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test.each([[["frobnicate"]], [[]], [["constructor"]]])("%j is a usage error", (args) => {
    const { status, stdout, stderr } = assay(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("assay --help");
  });
});

describe("the pinned Node", () => {
  test("is the running one where that is new enough", () => {
    expect(findNode("24.0.0")).toEqual({ ok: true, path: process.execPath });
  });

  test("comes from npm where the running one is too old", () => {
    const found = findNode("18.20.8");
    if (!found.ok) throw new Error(found.reason);
    const { stdout } = spawnSync(found.path, ["--version"], { encoding: "utf8" });
    expect(Number.parseInt(stdout.slice(1), 10)).toBeGreaterThanOrEqual(REQUIRED_MAJOR);
  });

  test.each([
    ["no package for the platform", "aix-ppc64", "Install Node 24"],
    ["its package not installed", otherPlatform(), 'Run "npm ci"'],
  ])("with %s, says what to do", (_what, platform, advice) => {
    expect(findNode("18.20.8", platform)).toEqual({
      ok: false,
      reason: expect.stringContaining(advice),
    });
  });
});

/** A platform that has a package, other than this one. */
function otherPlatform(): string {
  return process.platform === "darwin" ? "linux-x64" : "darwin-x64";
}
