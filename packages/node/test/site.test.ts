/** What a browser needs from a gateway: the page, the network file, and the program itself. */

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatNetworkFile, parseNetworkFile } from "@assay/chain";
import { openModel } from "@assay/sdk";
import { bytesToHex } from "@assay/wire";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Gateway } from "../src/gateway/gateway.ts";
import { loadSite } from "../src/gateway/site.ts";
import { DEMO_PATH, demoModel } from "./support/demo.ts";
import { removeFolder, temporaryFolder } from "./support/folder.ts";
import { openStage, registerDemo, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

const SITE = fileURLToPath(new URL("../../explorer/generated/site", import.meta.url));
const ROOT = bytesToHex(demoModel().root);
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

interface Manifest {
  readonly files: Readonly<Record<string, string>>;
  readonly verify: Readonly<Record<string, { readonly sha256: string }>>;
}
const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));

describe("a gateway with a page", () => {
  let chain: TestChain;
  let stage: Stage;
  let gateway: Gateway;

  beforeAll(async () => {
    chain = await startTestChain();
    await registerDemo(chain);
    stage = openStage(chain);
    gateway = await stage.gateway("gateway", { site: SITE });
  }, 60_000);
  afterAll(async () => {
    await stage.stop();
    await chain.stop();
  });
  const get = (path: string, init: RequestInit = {}) => fetch(`${gateway.url}${path}`, init);
  const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

  test("serves the files that its manifest pins, byte for byte, to be kept by their hash", async () => {
    const { files, verify } = manifestOf(SITE);
    for (const [name, pinned] of Object.entries(files)) {
      const response = await get(`/${name}`);
      expect(sha256(await bytesOf(response)), name).toBe(pinned);
      const kept = response.headers.get("cache-control")?.includes("immutable");
      expect(kept, name).toBe(name.startsWith("assets/"));
    }
    expect(sha256(await bytesOf(await get("/")))).toBe(files["index.html"]);
    for (const [name, { sha256: pinned }] of Object.entries(verify)) {
      expect(sha256(await bytesOf(await get(`/${name}`))), name).toBe(pinned);
    }
  });

  test("lets a browser run its own scripts only, and ask nobody but it and the chain", async () => {
    const { headers } = await get("/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        `connect-src 'self' ${new URL(chain.network.rpc).origin}`,
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|\*/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const saved = readFileSync(join(SITE, "verify.html"), "utf8");
    expect(saved).toContain("connect-src 'none'");
    expect(saved).not.toMatch(/unsafe-inline|'unsafe-eval'/);
  });

  test("answers HEAD with the length and no body", async () => {
    for (const path of ["/", "/verify-demo.html", `/v1/programs/0x${ROOT}`]) {
      const whole = await bytesOf(await get(path));
      const head = await get(path, { method: "HEAD" });
      expect(head.status).toBe(200);
      expect(head.headers.get("content-length"), path).toBe(String(whole.length));
      expect((await bytesOf(head)).length).toBe(0);
    }
  });

  test("the network file is one that a client can connect by", async () => {
    const response = await get("/network.json");
    const file = parseNetworkFile(await response.text());
    expect(file).toMatchObject({ chainId: chain.network.chainId, rpc: chain.network.rpc });
    expect(parseNetworkFile(formatNetworkFile(file))).toEqual(file);
  });

  test("gives the program, which a client checks by its root", async () => {
    const response = await get(`/v1/programs/0x${ROOT}`);
    const bytes = await bytesOf(response);
    expect(bytes).toEqual(new Uint8Array(readFileSync(DEMO_PATH)));
    expect(bytesToHex(openModel(bytes).root)).toBe(ROOT);
    const etag = response.headers.get("etag") ?? "";
    const again = await get(`/v1/programs/${ROOT}`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });

  test.each([
    `/v1/programs/0x${"00".repeat(32)}`,
    "/v1/programs/demo",
    "/v1/programs/..%2F..%2Fkey",
    "/assets",
    "/assets/",
    "/nothing.js",
    "/index.html/",
  ])("has nothing at %s", async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { message: expect.any(String), code: expect.stringMatching(/not_found$/) },
    });
  });

  test.each([
    "/../package.json",
    "/assets/../../../package.json",
    "/%2e%2e/package.json",
    "/..\\package.json",
    "//etc/passwd",
  ])("a path that climbs finds nothing: %s", async (path) => {
    expect(await rawStatus(gateway.url, path)).not.toBe(200);
  });

  test("tells nobody an RPC that may have a key in it, but the one that its operator names", async () => {
    const network = { ...chain.network, rpc: `${chain.network.rpc}/?key=secret-key` };
    const silent = await stage.gateway("silent", { site: SITE, network });
    for (const path of ["/network.json", "/"]) {
      const response = await fetch(`${silent.url}${path}`);
      expect(response.status, path).toBe(404);
      expect(JSON.stringify([...response.headers]) + (await response.text())).not.toContain(
        "secret",
      );
    }
    const publicRpc = chain.network.rpc;
    const named = await stage.gateway("named", { site: SITE, network, publicRpc });
    const file = await (await fetch(`${named.url}/network.json`)).json();
    expect(file).toMatchObject({ rpc: publicRpc });
    const page = await fetch(`${named.url}/`);
    expect(page.headers.get("content-security-policy")).toContain(publicRpc);
    expect(page.headers.get("content-security-policy")).not.toContain("secret");
  });

  test("answers to the names that its operator gives it, and to no other", async () => {
    const reachable = await stage.gateway("public", { publicHosts: ["gateway.example:8420"] });
    const { port } = new URL(reachable.url);
    for (const [host, status] of [
      ["gateway.example:8420", 200],
      [`127.0.0.1:${port}`, 200],
      ["other.example:8420", 421],
    ] as const) {
      expect(await rawStatus(reachable.url, "/healthz", { host }), host).toBe(status);
    }
  });

  test("takes no POST for a file", async () => {
    const headers = { "content-type": "application/json" };
    expect((await get("/index.html", { method: "POST", headers, body: "{}" })).status).toBe(404);
  });
});

/** The status for a path that is sent as it is: `fetch` would tidy it first. */
function rawStatus(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}

describe("a built page on disk", () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
    cpSync(SITE, folder, { recursive: true });
  });
  afterEach(() => removeFolder(folder));
  const load = (programPath: (root: string) => string | undefined = () => DEMO_PATH) =>
    loadSite({ folder, rpc: "http://127.0.0.1:8545", programPath });
  const change = (name: string, edit: (text: string) => string) =>
    writeFileSync(join(folder, name), edit(readFileSync(join(folder, name), "utf8")));

  test("with an edited verifier is refused: nobody saves what the manifest does not pin", () => {
    change("verify.html", (text) => text.replace("connect-src 'none'", "connect-src *"));
    expect(() => load()).toThrow(/verify\.html is not the file that .*manifest pins/);
  });

  test("with another program for the file to save is refused", () => {
    const other = join(folder, "other.assay");
    writeFileSync(other, "other");
    expect(() => load(() => other)).toThrow(/verify-demo\.html is not the file/);
  });

  test("where the demo program is not served has no file with it", () => {
    expect(load(() => undefined).has("/verify-demo.html")).toBe(false);
    expect(load().has("/verify-demo.html")).toBe(true);
  });

  test("serves no file of a type that no page has", () => {
    mkdirSync(join(folder, "assets"), { recursive: true });
    writeFileSync(join(folder, "assets", "key"), "secret");
    expect(existsSync(join(folder, "assets", "key"))).toBe(true);
    expect(load().has("/assets/key")).toBe(false);
  });

  test("sends each file's own bytes, and no memory beside them", () => {
    for (const [path, { bytes }] of load()) {
      expect(bytes.buffer.byteLength, path).toBe(bytes.length);
    }
  });
});
