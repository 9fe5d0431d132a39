/** Whom a gateway asks, what it pays, how it keeps its channels filled, and whose clock it believes. */

import { type Message, type ProgramOffer, ROLES, RPC_CODES } from "@assay/wire";
import { afterAll, describe, expect, test } from "vitest";
import { candidatesAmong, cheapestFirst } from "../src/gateway/candidates.ts";
import { createChannels } from "../src/gateway/channels.ts";
import { runOrder } from "../src/gateway/run-order.ts";
import { judgeReceipt, type ReceiptJudge } from "../src/gateway/verify-answer.ts";
import type { Call, Link } from "../src/mesh/link.ts";
import type { Peer } from "../src/mesh/peers.ts";
import { demoModels } from "./support/demo.ts";
import { addressNamed, keyOf } from "./support/keys.ts";
import { quietLog } from "./support/log.ts";
import { greedyAnswer, makeReceiptFile, PROMPT } from "./support/receipts.ts";

const ROOT = new Uint8Array(32).fill(1);

function worker(name: string, offer: Partial<ProgramOffer> = {}): Peer {
  const link: Link = {
    peer: name,
    peerBytes: new Uint8Array(),
    closed: new Promise(() => undefined),
    close: () => undefined,
    call: () => {
      throw new Error("nobody is called here");
    },
  };
  const programs = [{ programRoot: ROOT, promptPrice: 10n, outputPrice: 30n, ...offer }];
  const rest = { roles: ROLES.worker, freeSlots: 1, signature: new Uint8Array(65) };
  return { link, hello: { address: addressNamed(name), programs, ...rest } };
}

describe("workers that are asked", () => {
  const limit = { maxPromptPrice: 100n, maxOutputPrice: 300n };
  const names = (peers: readonly Peer[]) =>
    candidatesAmong(peers, ROOT, limit).map(({ peer }) => peer.link.peer);

  test("offer the program, and cost no more than the gateway pays", () => {
    const peers = [
      worker("dear prompt", { promptPrice: 101n }),
      worker("dear output", { outputPrice: 301n }),
      worker("another program", { programRoot: new Uint8Array(32) }),
      worker("just right", { promptPrice: 100n, outputPrice: 300n }),
    ];
    expect(names(peers)).toEqual(["just right"]);
  });

  test("are asked by price, and stay in their order where it is the same", () => {
    const huge = 2n ** 127n;
    const peers = [
      worker("c", { outputPrice: huge + 1n }),
      worker("b", { outputPrice: huge }),
      worker("a1"),
      worker("a2"),
    ];
    const open = { maxPromptPrice: huge, maxOutputPrice: 2n * huge };
    const asked = cheapestFirst(candidatesAmong(peers, ROOT, open));
    expect(asked.map(({ peer }) => peer.link.peer)).toEqual(["a1", "a2", "b", "c"]);
  });
});

describe("a channel", () => {
  const there = addressNamed("worker");
  const stopping = new AbortController();
  afterAll(() => stopping.abort());

  function channels(balance: bigint, active = true, failures = 0) {
    const state = { balance, fills: 0, failures };
    const made = createChannels({
      chain: {
        address: addressNamed("gateway"),
        isActive: async () => {
          if (state.failures-- > 0) throw new Error("the chain is down");
          return active;
        },
        channelBalance: async () => state.balance,
        ensureChannel: async (_worker, amount) => {
          state.balance = amount;
          state.fills += 1;
        },
      },
      amount: 100n,
      log: quietLog,
      signal: stopping.signal,
    });
    return { made, state };
  }

  test.each([
    [50n, false, 0],
    [49n, false, 1],
    [50n, true, 1],
    [99n, true, 1],
    [100n, true, 0],
  ])("that holds %d of 100, and must do at once: %s", async (balance, now, fills) => {
    const { made, state } = channels(balance);
    made.topUp(there, now);
    made.topUp(there, now);
    await made.settled();
    expect(state.fills).toBe(fills);
  });

  test("is opened when the chain is back", async () => {
    const { made, state } = channels(0n, true, 1);
    made.open(there);
    await made.settled();
    expect(state.fills).toBe(1);
    expect(made.isOpen(there)).toBe(true);
  });

  test("is given up when the gateway stops while the chain is down", async () => {
    const own = new AbortController();
    const made = createChannels({
      chain: {
        address: addressNamed("gateway"),
        isActive: () => Promise.reject(new Error("the chain is down")),
        channelBalance: async () => 0n,
        ensureChannel: async () => undefined,
      },
      amount: 100n,
      log: quietLog,
      signal: own.signal,
    });
    made.open(there);
    own.abort();
    await made.settled();
    expect(made.isOpen(there)).toBe(false);
  });

  test("of a worker that lost its stake is left", async () => {
    const { made, state } = channels(0n, false);
    made.topUp(there, true);
    await made.settled();
    expect(state.fills).toBe(0);
  });
});

test.each([
  ["channel", true],
  ["busy", false],
] as const)(
  "a worker that refuses for %s asks for its channel to be filled: %s",
  async (code, fills) => {
    const refusal: Message = { type: "refuse", code: RPC_CODES[code], text: "no" };
    const call: Call = {
      id: 1,
      send: () => undefined,
      next: async () => refusal,
      close: () => undefined,
    };
    const { hello, link } = worker("refuser");
    const [offer] = hello.programs;
    if (offer === undefined) throw new Error("no offer");
    const spent: unknown[] = [];
    const running = runOrder({
      payer: {
        privateKey: keyOf("client"),
        address: addressNamed("client"),
        domain: { chainId: 1n, settlement: new Uint8Array(20) },
        deadlineSeconds: 60,
        onSpent: (...args) => spent.push(args),
      },
      peer: { hello, link: { ...link, call: () => call } },
      offer,
      request: {
        programRoot: ROOT,
        prompt: [1],
        maxTokens: 1,
        sampling: { invTemperature: 0, topP: 65_536 },
        endTokens: [],
      },
      sequence: 1n,
      record: {
        placed: async () => undefined,
        started: async () => undefined,
        delivered: async () => undefined,
      },
    });
    await expect(running).rejects.toThrow(/refused/);
    expect(spent).toEqual(fills ? [[addressNamed("refuser"), true]] : []);
  },
);

describe("a receipt", () => {
  const domain = { chainId: 31_337n, settlement: new Uint8Array(20).fill(9) };

  /** What the gateway makes of it, and what follows. */
  async function judged(plan: Parameters<typeof makeReceiptFile>[0], cut = false) {
    const said: unknown[] = [];
    const judge: ReceiptJudge = {
      models: demoModels(),
      payer: { domain, address: addressNamed("client") },
      book: {
        received: async (_file, _bytes, verified, reason) => {
          said.push(["stored", verified, reason === null]);
        },
      },
      standing: { ban: () => said.push("banned"), isBanned: () => false },
      report: () => said.push("reported"),
      settled: () => said.push("settled"),
      log: quietLog,
    };
    const { verdict } = await judgeReceipt(judge, makeReceiptFile(plan), cut);
    return { ok: verdict.ok, reason: verdict.reason, said };
  }
  const ahead = (seconds: number) => ({
    domain,
    receipt: { completedAt: BigInt(Math.floor(Date.now() / 1_000) + seconds) },
  });

  test("may come from a clock that is a little ahead", async () => {
    expect(await judged(ahead(200))).toEqual({
      ok: true,
      reason: null,
      said: [["stored", true, true], "settled"],
    });
  });

  test("from the future is refused, its worker not asked again, and the verifiers told", async () => {
    expect(await judged(ahead(400))).toEqual({
      ok: false,
      reason: "COMPLETED_IN_FUTURE",
      said: [["stored", false, false], "banned", "reported", "settled"],
    });
  });

  test("of an answer cut short holds only where this side cut it", async () => {
    const short = {
      domain,
      output: greedyAnswer(PROMPT, 1),
      receipt: { finishReason: 3 as const },
    };
    expect((await judged(short, true)).ok).toBe(true);
    expect((await judged(short)).reason).toBe("CUT_UNEXPECTED");
  });
});
