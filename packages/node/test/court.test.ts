/** Challenges on a real chain: frauds punished, griefers paying for it, silent jurors replaced. */

import { type ChainClient, type CourtEvent, followCourt } from "@assay/chain";
import { TOKEN } from "@assay/chain/deployment";
import {
  bytesToHex,
  encodeReceiptFile,
  type Message,
  type ReceiptFile,
  receiptHash,
} from "@assay/wire";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Role } from "../src/role.ts";
import { attendCourt } from "../src/verifier/court.ts";
import { startVerifier } from "../src/verifier/verifier.ts";
import { startWorker } from "../src/worker/worker.ts";
import { demoModel } from "./support/demo.ts";
import { eventually, pause } from "./support/eventually.ts";
import { testFolder } from "./support/folder.ts";
import { addressNamed } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { type Member, roleOptions, startMember, startStranger } from "./support/players.ts";
import { greedyAnswer, makeReceiptFile, PROMPT, random32 } from "./support/receipts.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

/** Three seconds. */
const RULING_BLOCKS = 60n;
const STAKE = 100n * TOKEN;

let chain: TestChain;
let client: ChainClient;

/** A chain for each test: who is drawn depends on everybody that has stake there. */
async function newChain(rulingBlocks: bigint = RULING_BLOCKS): Promise<void> {
  chain = await startTestChain({ rulingBlocks, unbondingBlocks: 2_000n });
  client = await chain.party("client");
}

async function staked(name: string): Promise<ChainClient> {
  const account = await chain.party(name);
  await account.ensureStake(STAKE);
  return account;
}

/** A verifier process's whole role, in this one; ends with the test. */
async function verifier(name: string, ...bootstrap: readonly string[]): Promise<Role> {
  await chain.party(name);
  const role = await startVerifier(
    roleOptions(name, { ...chain.network, bootstrap }, testFolder()),
  );
  onTestFinished(() => role.stop());
  return role;
}

/** Everything that the court has said since the chain began. */
function record(): CourtEvent[] {
  const events: CourtEvent[] = [];
  const watching = new AbortController();
  const following = followCourt(client, {
    fromBlock: 0n,
    pollMs: 50,
    onEvent: (event) => {
      events.push(event);
    },
    signal: watching.signal,
  });
  onTestFinished(async () => {
    watching.abort();
    await following;
  });
  return events;
}

const eventOf = <K extends CourtEvent["kind"]>(events: readonly CourtEvent[], kind: K, nth = 0) =>
  eventually(
    `${kind}, number ${nth + 1}`,
    () =>
      events.filter((event): event is Extract<CourtEvent, { kind: K }> => event.kind === kind)[nth],
    25_000,
  );

const honest = (): ReceiptFile => makeReceiptFile({ domain: client.domain });
const fraud = (): ReceiptFile => {
  const [first = 0, second = 0] = greedyAnswer(PROMPT);
  return makeReceiptFile({ domain: client.domain, output: [first, second === 5 ? 6 : 5] });
};

/** A client of the verifier's on the mesh. */
async function visitor(to: Role): Promise<Member> {
  const member = await startMember({
    name: "visitor",
    network: { ...chain.network, bootstrap: [...to.addresses] },
  });
  await eventually("they meet", () => member.met.length > 0);
  return member;
}

async function tell(from: Member, message: Message): Promise<Message | undefined> {
  const [peer] = from.peers.withRole("verifier");
  const call = peer?.link.call(message);
  return call?.next(AbortSignal.timeout(10_000));
}

const put = (from: Member, file: ReceiptFile): Promise<Message | undefined> =>
  tell(from, { type: "evidencePut", file: encodeReceiptFile(file) });

async function challenge(by: ChainClient, file: ReceiptFile): Promise<void> {
  const rival = { traceRoot: random32(), outputCommitment: random32() };
  await by.challenge(file, rival);
}

describe("a verifier", () => {
  beforeAll(() => newChain(), 60_000);
  afterAll(() => chain.stop());

  test("takes what it can judge, shows it to no visitor, and challenges frauds only", async () => {
    await Promise.all([staked("worker"), staked("another juror"), staked("griefer")]);
    const events = record();
    const role = await verifier("verifier");
    const from = await visitor(role);
    const good = honest();
    expect(await put(from, good)).toEqual({ type: "ok" });
    const id = receiptHash(good.receipt);
    expect(await tell(from, { type: "evidenceGet", receiptHash: id })).toMatchObject({
      type: "fail",
      code: 11,
    });
    expect(await tell(from, { type: "evidenceGet", receiptHash: random32() })).toMatchObject({
      type: "fail",
      code: 11,
    });
    const broken = { ...honest(), clientNonce: random32() };
    expect(await put(from, broken)).toMatchObject({ type: "fail", code: 14 });
    expect(await tell(from, { type: "evidencePut", file: new Uint8Array(10) })).toMatchObject({
      type: "fail",
      code: 14,
    });

    const stranger = await startStranger("stranger", client.domain.chainId);
    stranger.mesh.keep(role.addresses[0] ?? "");
    const link = await eventually("a link", () => stranger.links[0]);
    const unknown = link.call({ type: "evidencePut", file: encodeReceiptFile(honest()) });
    expect(await unknown.next()).toMatchObject({ type: "fail", code: 9 });

    // Somebody contests one fraud before the verifier can: the other must not be shielded by that.
    const [contested, other] = [fraud(), fraud()];
    await challenge(await chain.party("griefer"), contested);
    expect(await put(from, contested)).toEqual({ type: "ok" });
    expect(await put(from, other)).toEqual({ type: "ok" });
    const second = await eventOf(events, "challenged", 1);
    expect(second.receiptHash).toEqual(receiptHash(other.receipt));
    expect(second.challenger).toEqual(addressNamed("verifier"));
    expect(events.filter(({ kind }) => kind === "challenged")).toHaveLength(2);
  });
});

describe("a case", () => {
  beforeAll(() => newChain(), 60_000);
  afterAll(() => chain.stop());

  test("opened against an honest receipt is dismissed, and costs the bond", async () => {
    const [worker, griefer] = await Promise.all([staked("worker"), staked("griefer")]);
    const file = honest();
    const host = await startMember({
      name: "griefer",
      network: chain.network,
      onCall: async (call, first) => {
        if (first.type === "evidenceGet") {
          call.send({ type: "evidence", file: encodeReceiptFile(file) });
        }
      },
    });
    const events = record();
    await verifier("juror", ...host.mesh.addresses);
    const before = await griefer.tokenBalance(griefer.address);
    await challenge(griefer, file);
    const { caseId } = await eventOf(events, "challenged");
    expect(await client.orderState(file.receipt.orderHash)).toBe("contested");
    await eventually("the draw", () =>
      griefer.draw(caseId).then(
        () => true,
        () => false,
      ),
    );
    expect(await eventOf(events, "ruled")).toMatchObject({
      fraud: false,
      juror: addressNamed("juror"),
    });
    expect(await client.orderState(file.receipt.orderHash)).toBe("open");
    expect(await griefer.tokenBalance(griefer.address)).toBe(before - 10n * TOKEN);
    expect(await worker.stakeOf(worker.address)).toBe(STAKE);
    // The same party cannot try again: a worker's pay cannot be held up for ever.
    await expect(challenge(griefer, file)).rejects.toThrow(/AlreadyChallenged/);
  });
});

describe("a juror that says nothing", () => {
  beforeAll(() => newChain(), 60_000);
  afterAll(() => chain.stop());

  test("loses its seat to another, and the fraud is punished all the same", async () => {
    const [worker] = await Promise.all([staked("worker"), staked("silent")]);
    const events = record();
    const challenger = await verifier("verifier");
    const file = fraud();
    expect(await put(await visitor(challenger), file)).toEqual({ type: "ok" });
    const drawn = await eventOf(events, "drawn");
    expect(drawn.juror).toEqual(addressNamed("silent"));
    await verifier("juror", ...challenger.addresses);
    await chain.mine(Number(RULING_BLOCKS) + 1);
    await eventOf(events, "anchored");
    expect((await eventOf(events, "drawn", 1)).juror).toEqual(addressNamed("juror"));
    expect(await eventOf(events, "ruled")).toMatchObject({ fraud: true });
    const slashed = await eventOf(events, "slashed");
    expect(slashed).toMatchObject({
      party: addressNamed("worker"),
      amount: STAKE,
      toChallenger: 40n * TOKEN,
      toJuror: 10n * TOKEN,
      burned: 50n * TOKEN,
    });
    expect(await worker.stakeOf(worker.address)).toBe(0n);
    expect(await client.orderState(file.receipt.orderHash)).toBe("void");
  });
});

describe("a challenger that never draws", () => {
  beforeAll(() => newChain(), 60_000);
  afterAll(() => chain.stop());

  test("cannot hold up the worker: it draws, and replaces silent jurors, itself", async () => {
    const [griefer] = await Promise.all([staked("griefer"), staked("silent")]);
    await chain.party("worker");
    const worker = await startWorker({
      ...roleOptions("worker", chain.network, testFolder()),
      promptPrice: 1n,
      outputPrice: 1n,
      slots: 1,
    });
    onTestFinished(() => worker.stop());
    const events = record();
    const file = honest();
    await challenge(griefer, file);
    expect((await eventOf(events, "drawn")).juror).toEqual(addressNamed("silent"));
    // Nobody shows any evidence: seat after seat is lost, and then the case is over.
    await eventOf(events, "dismissed");
    expect(await client.orderState(file.receipt.orderHash)).toBe("open");
  });
});

describe("a juror's duty", () => {
  beforeAll(() => newChain(200n), 60_000);
  afterAll(() => chain.stop());

  /** Attends with this client until the test ends; counts what it is asked for. */
  function attend(account: ChainClient, evidence: () => Promise<Uint8Array | undefined>) {
    const { root } = demoModel();
    const stopping = new AbortController();
    const attending = attendCourt({
      chain: account,
      models: new Map([[bytesToHex(root), demoModel()]]),
      fromBlock: 0n,
      evidence,
      drawFor: () => true,
      log: quietLog,
      signal: stopping.signal,
    });
    onTestFinished(async () => {
      stopping.abort();
      await attending;
    });
  }

  test("outlives a failing RPC and late evidence, and is not done twice after a restart", async () => {
    const [griefer, juror] = await Promise.all([
      staked("griefer"),
      staked("juror"),
      staked("worker"),
    ]);
    const events = record();
    const file = honest();
    let failures = 0;
    const flaky = <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) => {
      let failed = false;
      return async (...args: A): Promise<R> => {
        if (failed) return call(...args);
        failed = true;
        failures += 1;
        throw new Error("fetch failed: ECONNRESET");
      };
    };
    const answers = [undefined, encodeReceiptFile(file)];
    attend(
      {
        ...juror,
        caseOf: flaky(juror.caseOf),
        draw: flaky(juror.draw),
        rule: flaky(juror.rule),
      },
      async () => answers.shift(),
    );
    await challenge(griefer, file);
    expect(await eventOf(events, "ruled")).toMatchObject({ fraud: false, juror: juror.address });
    expect(failures).toBe(3);
    expect(answers).toEqual([]);

    let asked = 0;
    attend(juror, async () => {
      asked += 1;
      return encodeReceiptFile(file);
    });
    await pause(1_000);
    expect(asked).toBe(0);
    expect(events.filter(({ kind }) => kind === "ruled")).toHaveLength(1);
  });
});

describe("a verifier that has just started", () => {
  beforeAll(() => newChain(), 60_000);
  afterAll(() => chain.stop());

  test("has approved the court's bond: its challenge is one transaction", async () => {
    await Promise.all([staked("worker"), staked("juror")]);
    const role = await verifier("verifier");
    const address = `0x${bytesToHex(addressNamed("verifier"))}` as const;
    const sent = () => client.rpc.getTransactionCount({ address });
    // Of the stake and its approval, and of the bond's.
    expect(await sent()).toBe(3);
    const events = record();
    expect(await put(await visitor(role), fraud())).toEqual({ type: "ok" });
    await eventOf(events, "challenged");
    expect(await sent()).toBeLessThanOrEqual(5);
  });
});
