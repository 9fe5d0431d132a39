import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type PlantedCopy, plantedCopy } from "./planted-copy.ts";

let copy: PlantedCopy;
beforeEach(() => {
  copy = plantedCopy();
  copy.remove("packages/wire/test");
});
afterEach(() => {
  copy[Symbol.dispose]();
});

const TEST = [process.execPath, "--disable-warning=ExperimentalWarning", "scripts/test.ts"];
const plant = (body: string) =>
  copy.write(
    "packages/wire/test/planted.test.ts",
    `import { expect, test } from "vitest";\n${body}\n`,
  );
const PASSES = 'test("holds", () => expect(1).toBe(1));';
const SKIPS = 'test.skip("waits for a tool", () => expect(1).toBe(1));';

/** A project of one test contract, without cheat codes. */
function plantContract(body: string): void {
  copy.write(
    "contracts/foundry.toml",
    '[profile.default]\nsrc = "contracts/src"\ntest = "contracts/test"\nout = "contracts/out"\ncache_path = "contracts/cache"\n',
  );
  copy.write(
    "contracts/test/Planted.t.sol",
    `// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.37;\ncontract PlantedTest {\n${body}\n}\n`,
  );
}

describe("the test runner", () => {
  test.each([
    ["passes where every test passes", PASSES, {}, "1 passed, 0 failed", 0],
    [
      "fails where a test fails",
      `${PASSES}\ntest("no", () => expect(1).toBe(2));`,
      {},
      "1 passed, 1 failed",
      1,
    ],
    [
      "fails where a test file does not load",
      'throw new Error("on load");',
      {},
      "0 passed, 1 failed",
      1,
    ],
    [
      "fails on an error outside any test",
      `${PASSES}\nsetTimeout(() => { throw new Error("late"); });\ntest("waits", () => new Promise((done) => setTimeout(done, 50)));`,
      {},
      "2 passed, 1 failed",
      1,
    ],
    ["counts a skipped test", `${PASSES}\n${SKIPS}`, {}, "1 passed, 0 failed, 1 skipped", 0],
    [
      "fails on a skipped test in CI",
      `${PASSES}\n${SKIPS}`,
      { CI: "true" },
      "1 passed, 1 failed",
      1,
    ],
    [
      "lets a test of the reference data skip in CI",
      `${PASSES}\ntest.skip("[needs ../shared] reads it", () => expect(1).toBe(1));`,
      { CI: "true" },
      "1 passed, 0 failed, 1 skipped",
      0,
    ],
    ["fails where every test was skipped", SKIPS, {}, "0 passed, 0 failed, 1 skipped", 1],
  ])("%s", (_name, body, env, line, status) => {
    plant(body);
    const result = copy.run(TEST, env);
    expect(result.lastLine).toBe(line);
    expect(result.status).toBe(status);
  });

  test("fails where there is no test at all", () => {
    const result = copy.run(TEST);
    expect(result.lastLine).toBe("0 passed, 1 failed");
    expect(result.status).toBe(1);
  });
});

describe("forge, with npm's solc and without a network", () => {
  const ON_CONTRACTS = [...TEST, "contracts"];

  test("counts what passes and what reverts, and says why", () => {
    plantContract(
      'function test_holds() public pure {}\nfunction test_breaks() public pure { revert("planted"); }',
    );
    const result = copy.run(ON_CONTRACTS);
    expect(result.output).toContain("planted");
    expect(result.lastLine).toBe("1 passed, 1 failed");
    expect(result.status).toBe(1);
  });

  test("fails where a contract does not compile", () => {
    plantContract("function test_holds() public { nothing(); }");
    const result = copy.run(ON_CONTRACTS);
    expect(result.lastLine).toBe("0 passed, 1 failed");
    expect(result.status).toBe(1);
  });

  test("fails where the contracts have no test", () => {
    plantContract("function helper() public pure {}");
    const result = copy.run(ON_CONTRACTS);
    expect(result.lastLine).toBe("0 passed, 1 failed");
    expect(result.status).toBe(1);
  });
});
