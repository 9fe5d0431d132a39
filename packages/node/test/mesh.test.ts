/** Who is on the mesh: meeting, losing, finding again, and refusing who is not who it says. */

import type { NetworkFile } from "@assay/chain";
import { bytesToHex, ROLES, signHello } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { peerKeySeed } from "../src/keys.ts";
import { peerIdOf } from "../src/mesh/peer-id.ts";
import { eventually, pause } from "./support/eventually.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { type Member, startMember, startStranger } from "./support/players.ts";

const CHAIN_ID = 31_337;
const NOBODY = "0x0000000000000000000000000000000000000000";

/** A network of which only the mesh exists. */
const networkWith = (...bootstrap: readonly string[]): NetworkFile => ({
  version: 1,
  chainId: CHAIN_ID,
  rpc: "http://127.0.0.1:9",
  contracts: {
    token: NOBODY,
    models: NOBODY,
    stake: NOBODY,
    escrow: NOBODY,
    settlement: NOBODY,
    court: NOBODY,
  },
  bootstrap,
});

const addressOf = ({ mesh }: Member): string => {
  const [address] = mesh.addresses;
  if (address === undefined) throw new Error("it listens nowhere");
  return address;
};
const listenOf = (member: Member): string => addressOf(member).replace(/\/p2p\/.*$/, "");
const knows = (member: Member, name: string): boolean =>
  member.peers.withAddress(addressNamed(name)) !== undefined;
const timesMet = ({ met }: Member, name: string): number =>
  met.filter((address) => bytesToHex(address) === bytesToHex(addressNamed(name))).length;

describe("meeting", () => {
  test("both sides learn address, roles and offers of the other", async () => {
    const programs = [
      { programRoot: new Uint8Array(32).fill(1), promptPrice: 2n, outputPrice: 3n },
    ];
    const hub = await startMember({ name: "hub", network: networkWith() });
    const worker = await startMember({
      name: "worker",
      network: networkWith(addressOf(hub)),
      self: { roles: ROLES.worker, programs, freeSlots: () => 4 },
    });
    await eventually("both have met", () => knows(hub, "worker") && knows(worker, "hub"));
    const [met] = hub.peers.withRole("worker");
    expect(met?.hello).toMatchObject({ programs, freeSlots: 4, roles: ROLES.worker });
    expect(hub.peers.withRole("verifier")).toEqual([]);
    expect(worker.mesh.peerId).toBe(await peerIdOf(peerKeySeed(keyOf("worker"))));
  });

  test("a role does not dial itself", async () => {
    const own = `/ip4/127.0.0.1/tcp/9/p2p/${await peerIdOf(peerKeySeed(keyOf("self")))}`;
    const member = await startMember({ name: "self", network: networkWith(own) });
    await pause(200);
    expect(member.met).toEqual([]);
  });

  test("a changed offer reaches who is linked", async () => {
    let slots = 4;
    const hub = await startMember({ name: "hub", network: networkWith() });
    const worker = await startMember({
      name: "worker",
      network: networkWith(addressOf(hub)),
      self: { roles: ROLES.worker, freeSlots: () => slots },
    });
    await eventually("they have met", () => knows(hub, "worker"));
    slots = 1;
    worker.peers.announce();
    await eventually(
      "the hub has heard",
      () => hub.peers.withRole("worker")[0]?.hello.freeSlots === 1,
    );
    expect(hub.peers.withRole("worker")).toHaveLength(1);
  });
});

describe("losing and finding again", () => {
  test("a bootstrap peer that comes later, goes, and comes back is met each time", async () => {
    const first = await startMember({ name: "hub", network: networkWith() });
    const address = addressOf(first);
    const listen = listenOf(first);
    await first.mesh.stop();
    const member = await startMember({ name: "member", network: networkWith(address) });
    await pause(150);
    const second = await startMember({ name: "hub", network: networkWith(), listen });
    await eventually("they meet", () => knows(second, "member") && knows(member, "hub"));
    await second.mesh.stop();
    await eventually("the loss is noticed", () => !knows(member, "hub"));
    expect(member.peers.withRole("gateway")).toEqual([]);
    const third = await startMember({ name: "hub", network: networkWith(), listen });
    await eventually("they meet again", () => knows(third, "member") && knows(member, "hub"));
    expect(timesMet(member, "hub")).toBe(2);
  });

  test("a link that the other side cuts is dialled again", async () => {
    const hub = await startMember({ name: "hub", network: networkWith() });
    const member = await startMember({ name: "member", network: networkWith(addressOf(hub)) });
    await eventually("they meet", () => knows(hub, "member"));
    hub.peers.withAddress(addressNamed("member"))?.link.close();
    await eventually("they meet again", () => timesMet(hub, "member") === 2);
    await eventually("the member too", () => timesMet(member, "hub") === 2);
  });

  test("stopping ends the dialling", async () => {
    const hub = await startMember({ name: "hub", network: networkWith() });
    const member = await startMember({ name: "member", network: networkWith(addressOf(hub)) });
    await eventually("they meet", () => knows(hub, "member"));
    await member.mesh.stop();
    await eventually("it is gone", () => !knows(hub, "member"));
    await pause(400);
    expect(timesMet(hub, "member")).toBe(1);
  });
});

describe("a peer that is not who it says is refused", () => {
  /** What a member makes of a HELLO that a stranger sends. */
  async function told(change: (peer: Awaited<ReturnType<typeof startStranger>>) => object) {
    const member = await startMember({ name: "member", network: networkWith() });
    const stranger = await startStranger("stranger", BigInt(CHAIN_ID));
    stranger.mesh.keep(addressOf(member));
    const link = await eventually("the link", () => stranger.links[0]);
    link.call(stranger.hello(change(stranger)));
    const outcome = await Promise.race([
      link.closed.then(() => "cut off"),
      eventually("it is met", () => member.met.length > 0).then(() => "met"),
    ]);
    return { member, outcome };
  }

  test("an honest HELLO is taken, so that what follows means something", async () => {
    expect((await told(() => ({}))).outcome).toBe("met");
  });

  test.each([
    ["an address without its signature", () => ({ address: addressNamed("victim") })],
    ["no signature", () => ({ signature: new Uint8Array(65) })],
    [
      "a signature for another chain",
      ({ mesh }: { mesh: { peerBytes: Uint8Array } }) => ({
        signature: signHello(keyOf("stranger"), mesh.peerBytes, 1n),
      }),
    ],
    [
      // What anyone hears that the victim is linked to.
      "the HELLO of another peer, word for word",
      () => ({
        address: addressNamed("victim"),
        signature: signHello(keyOf("victim"), new Uint8Array(34).fill(3), BigInt(CHAIN_ID)),
      }),
    ],
  ])("%s", async (_what, change) => {
    const { member, outcome } = await told(change);
    expect(outcome).toBe("cut off");
    expect(member.met).toEqual([]);
    expect(member.peers.withRole("worker")).toEqual([]);
    expect(knows(member, "victim")).toBe(false);
  });
});
