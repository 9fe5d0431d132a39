/** A disk that is full, a chain that is away: clear errors, nothing promised that cannot be kept, and everybody paid afterwards. */

import { readFileSync } from "node:fs";
// biome-ignore lint/correctness/noUnresolvedImports: the linter does not know this module of Node 24 yet
import { DatabaseSync } from "node:sqlite";
import { type ChainClient, paymentsBetween } from "@assay/chain";
import { openModel } from "@assay/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Gateway } from "../src/gateway/gateway.ts";
import { DEMO_PATH } from "./support/demo.ts";
import { eventually } from "./support/eventually.ts";
import { addressNamed } from "./support/keys.ts";
import { openStage, ready, registerDemo, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

const model = openModel(new Uint8Array(readFileSync(DEMO_PATH)));

let chain: TestChain;
let reader: ChainClient;
let stage: Stage;
let gateway: Gateway;

beforeAll(async () => {
  chain = await startTestChain();
  reader = await registerDemo(chain);
}, 60_000);
afterAll(() => chain.stop());

interface Reply {
  readonly status: number;
  readonly body: {
    readonly error?: { readonly code: string; readonly message: string };
    readonly assay?: { readonly receipt: string; readonly receipt_id: string };
  };
}

async function ask(question: string, name = "demo"): Promise<Reply> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: name, messages: [{ role: "user", content: question }] }),
  });
  return { status: response.status, body: await response.json() };
}

/** A live answer, with something that happens when its first text is there. Its status, or 0 where it broke off. */
async function askLive(question: string, onFirst: () => void): Promise<number> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "demo",
      messages: [{ role: "user", content: question }],
      stream: true,
      deliver: "live",
    }),
  });
  let text = "";
  for await (const chunk of response.body ?? []) {
    if (text === "") onFirst();
    text += new TextDecoder().decode(chunk);
  }
  return text.includes('"error"') ? 0 : response.status;
}

const fileOf = ({ body }: Reply): Uint8Array =>
  new Uint8Array(Buffer.from(body.assay?.receipt ?? "", "base64"));

async function held(id: string | undefined): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`${gateway.url}/v1/receipts/${id}`)).arrayBuffer());
}

/** Every answer is held, holds, and is paid once. */
async function settles(worker: string, answers: readonly Reply[]): Promise<void> {
  let answered = 0n;
  for (const answer of answers) {
    expect(await held(answer.body.assay?.receipt_id)).toEqual(fileOf(answer));
    const verdict = model.verify(fileOf(answer));
    expect(verdict.ok).toBe(true);
    answered += verdict.file?.receipt.price ?? 0n;
  }
  await eventually("all is paid", async () => (await paidTo(worker)) >= answered);
  expect(await paidTo(worker)).toBe(answered);
}

async function paidTo(worker: string): Promise<bigint> {
  const parties = { client: addressNamed("gateway"), worker: addressNamed(worker) };
  const payments = await paymentsBetween(reader, parties, 0n);
  return payments.reduce((sum, { amount }) => sum + amount, 0n);
}

describe("a disk that is full", () => {
  /** Connections to database files, the first opened first. */
  let disks: DatabaseSync[];
  beforeEach(() => {
    disks = [];
    const exec = DatabaseSync.prototype.exec;
    vi.spyOn(DatabaseSync.prototype, "exec").mockImplementation(function (this: DatabaseSync, sql) {
      if (!disks.includes(this)) disks.push(this);
      exec.call(this, sql);
    });
    stage = openStage(chain);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await stage.stop();
  });

  /** SQLite then says what it says of a disk without room. */
  function fill(disk: DatabaseSync | undefined): void {
    const { page_count: pages } = disk?.prepare("PRAGMA page_count").get() ?? {};
    disk?.exec(`PRAGMA max_page_count = ${String(pages)}`);
  }
  const free = (disk: DatabaseSync | undefined): void =>
    disk?.exec("PRAGMA max_page_count = 100000");

  /** Until an answer does not come. */
  async function askUntilFull(): Promise<{ readonly answers: Reply[]; readonly last: Reply }> {
    const answers: Reply[] = [];
    for (let i = 0; i < 200; i++) {
      const reply = await ask(`What is ${i} + 1?`);
      if (reply.status !== 200) return { answers, last: reply };
      answers.push(reply);
    }
    throw new Error("the disk took everything");
  }

  test("of a gateway: said so, and what was answered before is held and paid", async () => {
    gateway = await stage.gateway("gateway");
    await stage.worker("full gateway's worker", gateway);
    await ready(gateway);
    fill(disks[0]);
    const { answers, last } = await askUntilFull();
    expect(last).toMatchObject({ status: 507, body: { error: { code: "storage_full" } } });
    expect(last.body.error?.message).toContain("the gateway's disk is full");
    for (const answer of answers) {
      expect(await held(answer.body.assay?.receipt_id)).toEqual(fileOf(answer));
    }
    free(disks[0]);
    answers.push(await ask("What is 5 + 5?"));
    expect(answers.at(-1)?.status).toBe(200);
    await settles("full gateway's worker", answers);
  });

  test("of a gateway in the middle of answers: whatever a worker has signed is paid in the end, and once", async () => {
    gateway = await stage.gateway("gateway");
    await stage.worker("interrupted worker", gateway, { voucherPatienceMs: 500 });
    await ready(gateway);
    const [ours, its] = disks;
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) {
      statuses.push(await askLive(`What is ${i} + 2?`, () => fill(ours)));
      free(ours);
    }
    // Before the answer, or in its middle where the status was out already: but not every time in vain.
    expect(statuses).toContain(200);
    expect((await ask("What is 5 + 5?")).status).toBe(200);
    const owed = (): bigint => {
      const jobs =
        its?.prepare("SELECT price FROM jobs WHERE receipt_hash IS NOT NULL").all() ?? [];
      return jobs.reduce((sum, { price }) => sum + BigInt(String(price)), 0n);
    };
    expect(owed()).toBeGreaterThan(0n);
    await eventually("all is paid", async () => (await paidTo("interrupted worker")) >= owed());
    await chain.mine(20);
    expect(await paidTo("interrupted worker")).toBe(owed());
  }, 60_000);

  test("of a worker: it takes no order, and the gateway says why", async () => {
    gateway = await stage.gateway("gateway");
    await stage.worker("full worker", gateway);
    await ready(gateway);
    fill(disks[1]);
    const { answers, last } = await askUntilFull();
    expect(last).toMatchObject({ status: 503, body: { error: { code: "no_worker" } } });
    expect(last.body.error?.message).toMatch(
      /its disk or its chain does not answer|the task failed/,
    );
    free(disks[1]);
    answers.push(await ask("What is 5 + 5?"));
    expect(answers.at(-1)?.status).toBe(200);
    await settles("full worker", answers);
  });
});

describe("a chain that is away", () => {
  beforeEach(async () => {
    stage = openStage(chain);
    gateway = await stage.gateway("gateway");
    await stage.worker("worker far from its chain", gateway);
    await ready(gateway);
  });
  afterEach(() => stage.stop());

  test("is said so; what was answered is paid when it is back", async () => {
    const answers = [await ask("What is 1 + 2?")];
    await chain.goAway();
    expect(await ask("What is 2 + 3?", "another")).toMatchObject({
      status: 503,
      body: { error: { code: "chain_unavailable", message: expect.stringMatching(/try again/) } },
    });
    // The worker cannot know whether the channel still covers an order.
    const refused = await ask("What is 3 + 4?");
    expect(refused).toMatchObject({ status: 503, body: { error: { code: "no_worker" } } });
    expect(refused.body.error?.message).toContain("its disk or its chain does not answer");
    expect(await held(answers[0]?.body.assay?.receipt_id)).toEqual(fileOf(answers[0] as Reply));
    await chain.comeBack();
    const again = await eventually("answers again", async () => {
      const reply = await ask("What is 4 + 5?");
      return reply.status === 200 ? reply : undefined;
    });
    answers.push(again);
    await settles("worker far from its chain", answers);
  }, 60_000);
});
