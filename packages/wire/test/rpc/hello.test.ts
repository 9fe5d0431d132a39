import { describe, expect, test } from "vitest";
import {
  addressOf,
  concatBytes,
  type Hello,
  keccak256,
  ROLES,
  signDigest,
  signHello,
  verifyHello,
} from "../../src/index.ts";
import { filled } from "../sample.ts";

const key = filled(32, 7);
const peerId = new TextEncoder().encode("12D3KooWpeer");
const CHAIN = 31_337n;

const hello: Hello = {
  address: addressOf(key),
  roles: ROLES.worker + ROLES.verifier,
  programs: [],
  freeSlots: 1,
  signature: signHello(key, peerId, CHAIN),
};

describe("the binding of an address to a peer id (spec/05 §5.4)", () => {
  test("is a signature over the tag, the peer id and the chain", () => {
    const chain = filled(8, 0);
    new DataView(chain.buffer).setBigUint64(0, CHAIN);
    const message = concatBytes(new TextEncoder().encode("assay/hello/1"), peerId, chain);
    expect(hello.signature).toEqual(signDigest(key, keccak256(message)));
    expect(verifyHello(hello, peerId, CHAIN)).toBe(true);
  });

  test.each([
    ["another peer that copied it", hello, concatBytes(peerId, filled(1, 0x78)), CHAIN],
    ["another chain", hello, peerId, 1n],
    ["another address", { ...hello, address: filled(20, 1) }, peerId, CHAIN],
    ["bytes that are no signature", { ...hello, signature: filled(65, 0) }, peerId, CHAIN],
  ])("does not hold for %s", (_name, claimed, peer, chain) => {
    expect(verifyHello(claimed, peer, chain)).toBe(false);
  });
});
