/** The web page: files that a build has written, held in memory, and what a browser may do with them. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { z } from "zod";

export interface SiteFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SiteOptions {
  /** Folder of the built page. */
  readonly folder: string;
  /** JSON-RPC of the network: the page asks it for program roots and payments. */
  readonly rpc: string;
  /** The program file with this root in hexadecimal, of those that are served here. */
  readonly programPath: (root: string) => string | undefined;
}

/** What the build says of the files to save: their hashes, and where a program goes into one. */
const manifestSchema = z.object({
  verify: z.object({
    "verify.html": z.object({ sha256: z.string() }),
    "verify-demo.html": z.object({ sha256: z.string(), program: z.string(), at: z.int() }),
  }),
});

const HTML = "text/html; charset=utf-8";
const TYPES: Readonly<Record<string, string>> = {
  ".html": HTML,
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};
const PLAIN = "verify.html";
const WITH_DEMO = "verify-demo.html";

/** Files by their path below `/`. @throws where the folder holds no built page, or one that its manifest does not pin */
export function loadSite({ folder, rpc, programPath }: SiteOptions): ReadonlyMap<string, SiteFile> {
  const policy = policyFor(new URL(rpc).origin);
  const files = new Map<string, SiteFile>();
  const add = (name: string, bytes: Uint8Array, type: string) =>
    files.set(`/${name}`, fileOf(name, bytes, type, policy));
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const type = TYPES[extname(name)];
    if (type !== undefined) add(name.replaceAll("\\", "/"), readFileSync(join(folder, name)), type);
  }
  add("", readFileSync(join(folder, "index.html")), HTML);
  const { verify } = manifestSchema.parse(
    JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")),
  );
  const plain = readFileSync(join(folder, PLAIN));
  checkPinned(plain, PLAIN, verify[PLAIN].sha256);
  const { sha256, program, at } = verify[WITH_DEMO];
  const source = programPath(program);
  if (source !== undefined) {
    const demo = withProgram(plain, at, readFileSync(source));
    checkPinned(demo, WITH_DEMO, sha256);
    add(WITH_DEMO, demo, HTML);
  }
  return files;
}

function checkPinned(bytes: Uint8Array, name: string, sha256: string): void {
  if (createHash("sha256").update(bytes).digest("hex") === sha256) return;
  throw new Error(`${name} is not the file that the page's manifest pins; run "npm run generate"`);
}

/** The file to save, with a program in it: what it verifies then needs nothing else. */
const withProgram = (page: Buffer, at: number, program: Buffer): Uint8Array =>
  Buffer.concat([page.subarray(0, at), Buffer.from(program.toString("base64")), page.subarray(at)]);

function fileOf(name: string, bytes: Uint8Array, type: string, policy: string): SiteFile {
  const isNamedByHash = name.startsWith("assets/");
  // A file to save brings its own, stricter policy, which lets it send nothing anywhere.
  const isOwn = name.startsWith("verify");
  return {
    // A copy: what Node reads from a small file is a window into memory that it shares with other things.
    bytes: new Uint8Array(bytes),
    headers: {
      "content-type": type,
      "cache-control": isNamedByHash ? "public, max-age=31536000, immutable" : "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "content-security-policy": isOwn ? "frame-ancestors 'none'" : policy,
    },
  };
}

/** Own scripts only, and no requests but to this gateway and the chain. */
const policyFor = (rpc: string): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${rpc}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
