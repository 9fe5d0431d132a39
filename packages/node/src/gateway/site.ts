/** The web page: files that a build has written, held in memory, and what a browser may do with them. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { z } from "zod";

export interface SiteFile {
  readonly bytes: Uint8Array;
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

/** What the build says of itself: the hash of each file to save, with the program that is put into it. */
const manifestSchema = z.object({
  verify: z.record(
    z.string(),
    z.object({ sha256: z.string(), program: z.string().nullable(), marker: z.string().optional() }),
  ),
});

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};
const MANIFEST = "manifest.json";
const PLAIN = "/verify.html";

/** Files by their path below `/`. @throws where the folder holds no built page, or one that is not what its manifest says */
export function loadSite({ folder, rpc, programPath }: SiteOptions): ReadonlyMap<string, SiteFile> {
  const policy = policyFor(new URL(rpc).origin);
  const files = new Map<string, SiteFile>();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const path = `/${name.replaceAll("\\", "/")}`;
    files.set(path, fileOf(readFileSync(join(folder, name)), type, path, policy));
  }
  const index = files.get("/index.html");
  const plain = files.get(PLAIN);
  if (index === undefined || plain === undefined) throw new Error(`${folder} holds no built page`);
  files.set("/", index);
  const { verify } = manifestSchema.parse(
    JSON.parse(readFileSync(join(folder, MANIFEST), "utf8")),
  );
  for (const [name, { sha256, program, marker }] of Object.entries(verify)) {
    const source = program === null ? undefined : programPath(program);
    const bytes =
      source === undefined ? plain.bytes : withProgram(plain.bytes, marker, readFileSync(source));
    if (program !== null && source === undefined) continue;
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      throw new Error(`${name} in ${folder} is not the file that its manifest pins`);
    }
    files.set(`/${name}`, fileOf(bytes, TYPES[".html"] ?? "", `/${name}`, policy));
  }
  return files;
}

/** The file to save, with a program in it: what it verifies then needs nothing else. */
function withProgram(page: Uint8Array, marker = "", program: Uint8Array): Uint8Array {
  const [before, after] = new TextDecoder().decode(page).split(marker);
  const text = `${before}${Buffer.from(program).toString("base64")}${after}`;
  return new TextEncoder().encode(text);
}

function fileOf(bytes: Uint8Array, type: string, path: string, policy: string): SiteFile {
  const isNamedByHash = path.startsWith("/assets/");
  // A file to save brings its own, stricter policy, which lets it send nothing anywhere.
  const isOwn = path.startsWith("/verify");
  return {
    bytes,
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
