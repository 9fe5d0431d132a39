/** Every cheat that a worker can be told to commit, against whole roles on a real chain: caught, and never paid. */

import { readFileSync } from "node:fs";
import type { ChainClient } from "@assay/chain";
import { connect } from "@assay/sdk";
import { equalBytes } from "@assay/wire";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Gateway } from "../src/gateway/gateway.ts";
import type { Role } from "../src/role.ts";
import { startVerifier } from "../src/verifier/verifier.ts";
import { CHEATS, type Cheat } from "../src/worker/cheats.ts";
import { DEMO_PATH } from "./support/demo.ts";
import { eventually } from "./support/eventually.ts";
import { testFolder } from "./support/folder.ts";
import { addressNamed } from "./support/keys.ts";
import { roleOptions } from "./support/players.ts";
import { funded, openStage, ready, registerDemo, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let reader: ChainClient;
let stage: Stage;
let verifier: Role | undefined;

// A chain for each: who was staked in an earlier test and is gone would be drawn as juror.
beforeEach(async () => {
  // A window of a second: a publication can be challenged for four.
  chain = await startTestChain({
    windowBlocks: 20n,
    rulingBlocks: 100n,
    withdrawBlocks: 120n,
    unbondingBlocks: 1_000n,
  });
  reader = await registerDemo(chain);
}, 60_000);

afterEach(async () => {
  await verifier?.stop();
  await stage.stop();
  await chain.stop();
});

interface Scene {
  readonly gateway: Gateway;
  readonly honest: Uint8Array;
  readonly cheater: Uint8Array;
}

/** A gateway, a verifier, an honest worker that sits as juror, and a cheater. */
async function play(cheat: Cheat): Promise<Scene> {
  stage = openStage(chain);
  const [client, honest, cheater] = [`client of ${cheat}`, `honest beside ${cheat}`, cheat];
  const gateway = await stage.gateway(client);
  await chain.party(`verifier of ${cheat}`);
  const network = { ...chain.network, bootstrap: [...gateway.addresses] };
  verifier = await startVerifier(roleOptions(`verifier of ${cheat}`, network, testFolder()));
  const meeting = { ...gateway, addresses: [...gateway.addresses, ...verifier.addresses] };
  await stage.worker(honest, meeting);
  await stage.worker(cheater, meeting, { cheat });
  const scene = { honest: addressNamed(honest), cheater: addressNamed(cheater) };
  await funded(reader, addressNamed(client), [scene.honest, scene.cheater]);
  await ready(gateway);
  return { gateway, ...scene };
}

const MAX_ASKS = 40;

/** Asks until the cheater was asked; every answer that is delivered holds. */
async function askUntilMet({ gateway, cheater }: Scene): Promise<string | undefined> {
  const connection = await connect({
    network: { ...chain.network, gateway: gateway.url },
    loadProgram: async () => new Uint8Array(readFileSync(DEMO_PATH)),
  });
  const name = `0x${Buffer.from(cheater).toString("hex")}`;
  for (let i = 0; i < MAX_ASKS; i++) {
    const content = `What is ${10 + i} + ${20 + i}?`;
    const answer = await connection.ask({ model: "demo", messages: [{ role: "user", content }] });
    expect(answer.verdict).toMatchObject({ ok: true, reason: null });
    const turnedDown = answer.rejected.find(({ worker }) => worker === name);
    if (turnedDown !== undefined) return turnedDown.reason;
    if (equalBytes(answer.verdict.file?.order.worker ?? NOBODY, cheater)) return undefined;
  }
  throw new Error("the cheater was never asked");
}
const NOBODY = new Uint8Array(20);

/** What the client finds, or undefined where it finds nothing wrong with what it got. */
const FOUND: { readonly [K in Cheat]: RegExp | undefined } = {
  weights: /^(tokens|trace): /,
  tokens: /^tokens: output token 1 /,
  seed: /^seed: /,
  replay: /passed off a receipt that the worker has not signed/,
  equivocate: undefined,
  withhold: /did not send tokens or the receipt in time/,
};

describe("a worker that cheats with", () => {
  test.each(CHEATS)(
    "%s is caught, loses its stake where it signed the proof, and is never paid",
    async (cheat) => {
      const scene = await play(cheat);
      const before = await reader.tokenBalance(scene.cheater);
      const reason = await askUntilMet(scene);
      const found = FOUND[cheat];
      if (found === undefined) expect(reason).toBeUndefined();
      else expect(reason).toMatch(found);
      if (cheat === "replay") {
        // It has signed nothing about the order: there is nothing to slash it for, and nothing to pay.
        expect(await reader.stakeOf(scene.cheater)).toBe(await reader.minStake());
      } else {
        await eventually(
          "its stake is gone",
          async () => (await reader.slashableOf(scene.cheater)) === 0n,
          20_000,
        );
        const { forfeited } = await reader.channelOf(
          addressNamed(`client of ${cheat}`),
          scene.cheater,
        );
        expect(forfeited).toBe(true);
      }
      expect(await reader.slashableOf(scene.honest)).toBe(await reader.minStake());
      // Longer than any voucher or publication of before takes.
      await chain.mine(110);
      expect(await reader.tokenBalance(scene.cheater)).toBe(before);
      // It is not asked again, and the honest one is paid.
      expect(await askHonest(scene)).toEqual(scene.honest);
      await eventually(
        "the honest worker is paid",
        async () => {
          const channel = await reader.channelOf(addressNamed(`client of ${cheat}`), scene.honest);
          return channel.paid > 0n;
        },
        20_000,
      );
    },
    90_000,
  );
});

async function askHonest({ gateway }: Scene): Promise<Uint8Array | undefined> {
  const connection = await connect({
    network: { ...chain.network, gateway: gateway.url },
    loadProgram: async () => new Uint8Array(readFileSync(DEMO_PATH)),
  });
  const messages = [{ role: "user" as const, content: "What is 1 + 2?" }];
  const { verdict, rejected } = await connection.ask({ model: "demo", messages });
  expect(verdict.ok).toBe(true);
  expect(rejected).toEqual([]);
  return verdict.file?.order.worker;
}
