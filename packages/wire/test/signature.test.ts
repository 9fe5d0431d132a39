import { secp256k1 } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressOf,
  bytesToHex,
  concatBytes,
  hexToBytes,
  recoverAddress,
  SIGNATURE_BYTES,
  signDigest,
} from "../src/index.ts";
import { anyHash, filled } from "./sample.ts";

/** SEC 2 §2.4.1: the order of the group. */
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** The development key that anvil and Hardhat print first, and its address. */
const DEV_KEY = hexToBytes("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const DEV_ADDRESS = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266";

const word = (value: bigint): Uint8Array => hexToBytes(value.toString(16).padStart(64, "0"));
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${bytesToHex(bytes)}`);

const digest = filled(32, 0x42);
const signature = signDigest(DEV_KEY, digest);
const r = signature.subarray(0, 32);
const s = signature.subarray(32, 64);
const v = signature.subarray(64);

describe("signatures", () => {
  test("addresses are the EVM's", () => {
    expect(bytesToHex(addressOf(DEV_KEY))).toBe(DEV_ADDRESS);
  });

  test("recover to who signed, with v 27 or 28 and s in the lower half", () => {
    const seen = new Set<number | undefined>();
    fc.assert(
      fc.property(anyHash, (any) => {
        const made = signDigest(DEV_KEY, any);
        expect(made).toHaveLength(SIGNATURE_BYTES);
        expect(numberOf(made.subarray(32, 64)) <= N / 2n).toBe(true);
        expect(bytesToHex(recoverAddress(any, made) ?? filled(0, 0))).toBe(DEV_ADDRESS);
        seen.add(made[64]);
      }),
      { numRuns: 40, seed: 1 },
    );
    expect(seen).toEqual(new Set([27, 28]));
  });

  test("are the same every time", () => {
    expect(signDigest(DEV_KEY, digest)).toEqual(signature);
  });

  test("the mirrored signature is one of the same key, and refused all the same", () => {
    const mirrored = concatBytes(r, word(N - numberOf(s)));
    const publicKey = secp256k1.getPublicKey(DEV_KEY);
    const asIs = { prehash: false, lowS: false };
    expect(secp256k1.verify(mirrored, digest, publicKey, asIs)).toBe(true);
    const flipped = Uint8Array.of(v[0] === 27 ? 28 : 27);
    expect(recoverAddress(digest, concatBytes(mirrored, flipped))).toBeNull();
    expect(recoverAddress(digest, concatBytes(mirrored, v))).toBeNull();
  });

  test.each([
    ["no bytes", filled(0, 0)],
    ["64 bytes", signature.subarray(0, 64)],
    ["66 bytes", concatBytes(signature, v)],
    ["v = 0", concatBytes(r, s, Uint8Array.of(0))],
    ["v = 1", concatBytes(r, s, Uint8Array.of(1))],
    ["v = 26", concatBytes(r, s, Uint8Array.of(26))],
    ["v = 29", concatBytes(r, s, Uint8Array.of(29))],
    ["v = 37, a chain's", concatBytes(r, s, Uint8Array.of(37))],
    ["r = 0", concatBytes(word(0n), s, v)],
    ["s = 0", concatBytes(r, word(0n), v)],
    ["r = n", concatBytes(word(N), s, v)],
    ["s = n", concatBytes(r, word(N), v)],
    ["s = n + 1", concatBytes(r, word(N + 1n), v)],
    ["s just above the half", concatBytes(r, word(N / 2n + 1n), v)],
    ["an r that is on no point", concatBytes(word(5n), s, v)],
    ["all ones", filled(65, 0xff)],
  ])("refuses %s", (_name, bytes) => {
    expect(recoverAddress(digest, bytes)).toBeNull();
  });

  test("s at the half is accepted", () => {
    expect(recoverAddress(digest, concatBytes(r, word(N / 2n), v))).not.toBeNull();
  });

  test("any 65 bytes recover to an address or to null", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 65, maxLength: 65 }), (bytes) => {
        expect([undefined, 20]).toContain(recoverAddress(digest, bytes)?.length);
      }),
    );
  });

  test("a digest that is not 32 bytes is the caller's bug", () => {
    expect(() => signDigest(DEV_KEY, filled(31, 1))).toThrow(RangeError);
    expect(() => recoverAddress(filled(33, 1), signature)).toThrow(RangeError);
  });

  test.each([
    ["a short key", filled(31, 1)],
    ["the key 0", filled(32, 0)],
    ["the key n", word(N)],
  ])("refuses %s", (_name, key) => {
    expect(() => addressOf(key)).toThrow();
    expect(() => signDigest(key, digest)).toThrow();
  });
});
