import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..", "..");
const bootstrap = path.join("scripts", "bootstrap.mjs");

const LAUNCHERS = ["pinned-node.mjs", "run-assay.mjs", "bundle.mjs"].map(
  (file) => `packages/cli/bin/${file}`,
);

/** A project of one locked package, with a stand-in for npm that says how it was called. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "assay-bootstrap-"));
  for (const file of [bootstrap, ...LAUNCHERS]) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    copyFileSync(path.join(root, file), path.join(folder, file));
  }
  write("npm.js", 'console.error("npm", process.argv.slice(2).join(" "));');
  write("packages/cli/src/main.ts", 'console.log("started", process.argv.slice(2).join(" "));');
  write("file.ts", "const code: number = 7;\nprocess.exit(code);");
  lock("package-lock.json", "1.0.0");
  mkdirSync(path.join(folder, "node_modules"));
  for (const bundler of ["esbuild", "@esbuild"]) {
    symlinkSync(
      path.join(root, "node_modules", bundler),
      path.join(folder, "node_modules", bundler),
    );
  }
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(file: string, text: string): void {
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function lock(file: string, version: string, tool = "1.0.0"): void {
  const packages = {
    "": { version: "0.1.0" },
    "packages/cli": { version: "0.1.0" },
    "node_modules/@assay/cli": { resolved: "packages/cli", link: true },
    "node_modules/needed": { version },
    "node_modules/tool": { version: tool, dev: true },
    "node_modules/elsewhere": { version: "1.0.0", optional: true },
  };
  write(file, JSON.stringify({ packages }));
}

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [bootstrap, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, npm_execpath: path.join(folder, "npm.js") },
  });
}

describe("the bootstrap", () => {
  test("installs what running needs, once, and passes the arguments on", () => {
    const first = run("start", "--exit");
    expect(first.stderr).toContain("npm ci --no-audit --no-fund --loglevel=error --omit=dev");
    expect(first.stderr).toContain("because node_modules is not there");
    expect(first.stdout).toBe("started start --exit\n");

    lock("node_modules/.package-lock.json", "1.0.0");
    expect(run("start").stderr).toBe("");
  });

  test("installs again when the lockfile has moved on", () => {
    lock("node_modules/.package-lock.json", "0.9.0");
    expect(run("start").stderr).toContain("because needed is not there");
  });

  test("asks for the development packages only where the command needs them", () => {
    lock("node_modules/.package-lock.json", "1.0.0", "0.9.0");
    expect(run("start").stderr).toBe("");
    const { stderr } = run("node", "file.ts");
    expect(stderr).toContain("because tool is not there");
    expect(stderr).not.toContain("--omit=dev");
  });

  test("says what to do when the installation fails, and starts nothing", () => {
    write("npm.js", "process.exit(9);");
    const { status, stdout, stderr } = run("start");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("npm ended with 9");
    expect(stderr).toContain("try again");
  });

  test("ends with the exit code of what it ran", () => {
    lock("node_modules/.package-lock.json", "1.0.0");
    expect(run("node", "file.ts").status).toBe(7);
  });

  test.each([[["frobnicate"]], [["constructor"]], [[]], [["node"]]])(
    "%j is a usage error",
    (args) => {
      lock("node_modules/.package-lock.json", "1.0.0");
      expect(run(...args).status).toBe(2);
    },
  );

  test("passes SIGTERM on and ends as the child ended", async () => {
    lock("node_modules/.package-lock.json", "1.0.0");
    write(
      "wait.ts",
      'process.on("SIGTERM", () => process.exit(5));\nconsole.log("up");\nsetInterval(() => {}, 1000);',
    );

    const child = spawn(process.execPath, [bootstrap, "node", "wait.ts"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.once("data", () => child.kill("SIGTERM"));
    const code = await new Promise((done) => child.once("exit", done));
    expect(code).toBe(5);
  });
});

describe("the bundle that a start runs", () => {
  const bundles = (): string[] =>
    readdirSync(path.join(folder, "node_modules/.cache/assay")).filter((name) =>
      /^[0-9a-f]{24}$/.test(name),
    );

  beforeEach(() => lock("node_modules/.package-lock.json", "1.0.0"));

  test("is made once, and again when a source has changed", () => {
    expect(run("start", "a").stdout).toBe("started start a\n");
    expect(run("start", "b").stdout).toBe("started start b\n");
    expect(bundles()).toHaveLength(1);
    write("packages/cli/src/main.ts", 'console.log("changed");');
    expect(run("start").stdout).toBe("changed\n");
    expect(bundles()).toHaveLength(2);
  });

  test("three stay", () => {
    for (const version of [1, 22, 333, 4444, 55_555]) {
      write("packages/cli/src/main.ts", `console.log(${version});`);
      expect(run("start").stdout).toBe(`${version}\n`);
    }
    expect(bundles()).toHaveLength(3);
  });

  test("without a bundler the sources run, and a line says so", () => {
    rmSync(path.join(folder, "node_modules/esbuild"));
    const { stdout, stderr } = run("start");
    expect(stdout).toBe("started start\n");
    expect(stderr).toContain("starting from the sources, which is slower");
  });

  test("a source that does not parse is shown by running it", () => {
    write("packages/cli/src/main.ts", "const = ;");
    const { status, stderr } = run("start");
    expect(status).not.toBe(0);
    expect(stderr).toContain("starting from the sources");
    expect(stderr).toContain("const = ;");
  });
});
