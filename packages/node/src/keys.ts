/** A role's key at rest, and the peer key derived from it. */

import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { bytesToHex, concatBytes, hexToBytes, sha256 } from "@assay/wire";

const KEY_BYTES = 32;

/** Reads the key in `path`, or makes one there that only this user can read. */
export function loadOrCreateKey(path: string): Uint8Array {
  return readKey(path) ?? createKey(path);
}

function readKey(path: string): Uint8Array | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const key = /^[0-9a-f]{64}$/.test(text) ? hexToBytes(text) : undefined;
  if (key === undefined) {
    throw new Error(
      `${path} does not hold a key (64 hexadecimal digits); restore it from a backup, or move it away to make a new one`,
    );
  }
  chmodSync(path, 0o600);
  return key;
}

function createKey(path: string): Uint8Array {
  const key = new Uint8Array(randomBytes(KEY_BYTES));
  const file = openSync(path, "wx", 0o600);
  writeSync(file, `${bytesToHex(key)}\n`);
  fsyncSync(file);
  closeSync(file);
  return key;
}

/** Seed of the Ed25519 key that names this role on the mesh: one secret to keep, not two. */
export const peerKeySeed = (key: Uint8Array): Uint8Array =>
  sha256(concatBytes(new TextEncoder().encode("assay/peer-key/1"), key));
