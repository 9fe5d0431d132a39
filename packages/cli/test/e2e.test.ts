/** The whole product through its command: every role a process of its own, state on disk. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Home,
  jsonLines,
  leftovers,
  newHome,
  type Running,
  readText,
} from "./support/assay.ts";

const TIMEOUT_MS = 90_000;
const HASH = /^0x[0-9a-f]{64}$/;

/** What `start --json` says when an answer was verified and paid. */
const VERIFIED_AND_PAID = {
  version: 1,
  verified: true,
  receiptId: expect.stringMatching(HASH),
  checks: expect.arrayContaining([
    expect.objectContaining({ number: 1, status: "PASS" }),
    expect.objectContaining({ number: 12, status: "PASS" }),
  ]),
  payment: {
    by: "voucher",
    amount: expect.stringMatching(/^[1-9]\d*$/),
    hash: expect.stringMatching(HASH),
    block: expect.any(String),
  },
};

interface Outcome {
  readonly payment: { readonly hash: string };
}

const outcomeOf = (stdout: string): Outcome => {
  const [line] = jsonLines(stdout);
  expect(line).toMatchObject(VERIFIED_AND_PAID);
  return line as unknown as Outcome;
};

async function transactionStatus(home: Home, hash: string): Promise<unknown> {
  const { rpc } = JSON.parse(readText(home.networkFile())) as { rpc: string };
  const body = { jsonrpc: "2.0", id: 1, method: "eth_getTransactionReceipt", params: [hash] };
  const headers = { "content-type": "application/json" };
  const response = await fetch(rpc, { method: "POST", headers, body: JSON.stringify(body) });
  const { result } = (await response.json()) as { result: { status: unknown } | null };
  return result?.status;
}

describe("a network on this machine", () => {
  let home: Home;
  let network: Running;
  let first: Outcome;
  let receipt: string;

  beforeAll(() => {
    home = newHome();
    receipt = join(home.path, "answer.receipt");
  });
  afterAll(() => home.remove());

  test(
    "start --exit: an answer, verified, paid, and nothing left running",
    async () => {
      const { code, stdout, stderr } = await home.assay("start", "--exit", "--json", "--port", "0");
      expect({ code, stderr }).toMatchObject({ code: 0 });
      first = outcomeOf(stdout);
      expect(stdout.trim().split("\n")).toHaveLength(1);
      expect(await leftovers(home, 0)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "start again: on the same chain, which still has the first payment",
    async () => {
      network = home.start("start", "--json", "--port", "0");
      await network.until("the answer", ({ stdout }) => stdout.includes("\n"));
      const second = outcomeOf(network.stdout());
      const { hash } = first.payment;
      expect(second.payment.hash).not.toBe(hash);
      expect(await transactionStatus(home, hash)).toBe("0x1");
      expect(await transactionStatus(home, second.payment.hash)).toBe("0x1");
    },
    TIMEOUT_MS,
  );

  test(
    "a second start on the same state is refused, and disturbs nothing",
    async () => {
      const { code, stderr, stdout } = await home.assay("start", "--exit", "--port", "0");
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/already/);
      expect(stdout).not.toContain("VERIFIED");
      expect(await transactionStatus(home, first.payment.hash)).toBe("0x1");
    },
    TIMEOUT_MS,
  );

  test(
    "ask uses the network that runs, and saves a receipt that holds",
    async () => {
      const before = home.processes().length;
      const asked = await home.assay("ask", "Spell the word tree.", "--json", "--receipt", receipt);
      expect(asked).toMatchObject({ code: 0 });
      expect(jsonLines(asked.stdout)).toEqual([
        expect.objectContaining({ verified: true, reason: null, answer: expect.any(String) }),
      ]);
      expect(asked.stderr).not.toContain("starting one");
      expect(home.processes()).toHaveLength(before);
    },
    TIMEOUT_MS,
  );

  test(
    "a port in use is named, with what to do, and nothing is started for it",
    async () => {
      const { gateway } = JSON.parse(readText(home.networkFile())) as { gateway: string };
      const { port } = new URL(gateway);
      const other = newHome();
      const { code, stderr } = await other.assay("up", "--port", port);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `assay: --port ${port} is in use, or not for you to listen on; choose another, or 0 for any\n`,
      });
      // A role that another started says so too, and ends.
      const role = await other.assay(
        ...["gateway", "start", "--network", home.networkFile(), "--port", port],
        ...["--home", join(other.path, "gateway")],
      );
      expect(role.code).not.toBe(0);
      expect(role.stderr).toContain(`port ${port} is in use`);
      expect(await leftovers(other)).toEqual([]);
      other.remove();
    },
    TIMEOUT_MS,
  );

  test(
    "Ctrl-C ends every process",
    async () => {
      expect(home.processes().length).toBeGreaterThanOrEqual(6);
      network.signal("SIGINT");
      const { code } = await network.ended;
      expect([0, 130]).toContain(code);
      expect(await leftovers(home)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test("verify --explain needs no network", async () => {
    const { code, stdout } = await home.assay("verify", receipt, "--explain");
    expect(code).toBe(0);
    expect(stdout).toContain("VERIFIED: all 12 checks passed");
    expect(stdout.match(/PASS/g)).toHaveLength(12);
  });

  test("verify names what one flipped bit has broken", async () => {
    const bytes = readFileSync(receipt);
    // The last byte of the file is of the last output token.
    const at = bytes.length - 4;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const tampered = join(home.path, "tampered.receipt");
    writeFileSync(tampered, bytes);
    const { code, stdout } = await home.assay("verify", tampered, "--json");
    expect(code).toBe(3);
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ verified: false, reason: "OUTPUT_NOT_OPENED" }),
    ]);
    const prose = await home.assay("verify", tampered);
    expect(prose).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("NOT VERIFIED: check 8"),
    });
  });

  test("verify with another root is not verified", async () => {
    const { code, stdout } = await home.assay("verify", receipt, "--root", `0x${"11".repeat(32)}`);
    expect({ code, stdout }).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("check 6"),
    });
  });
});

describe("what goes wrong", () => {
  let home: Home;
  beforeAll(() => {
    home = newHome();
  });
  afterAll(() => home.remove());

  test("a file that is no receipt is not verified", async () => {
    const path = join(home.path, "letter.txt");
    writeFileSync(path, "Dear Sir or Madam\n");
    expect(await home.assay("verify", path)).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("check 1"),
    });
    writeFileSync(path, new Uint8Array(2_000_000));
    expect(await home.assay("verify", path)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("2000000 bytes"),
    });
  });

  test.each([
    ["a receipt that is not there", ["verify", "nowhere.receipt"], "nowhere.receipt"],
    ["verify without a file", ["verify"], "FILE"],
    ["a root that is none", ["verify", "package.json", "--root", "0x12"], "--root 0x12"],
    ["ask without a question", ["ask"], "QUESTION"],
    ["an unknown verb", ["frobnicate"], "frobnicate"],
    ["an unknown cheat", ["up", "--cheat", "luck"], "luck"],
    ["no worker", ["up", "--workers", "0"], "--workers"],
    ["no tokens", ["ask", "x", "--max-tokens", "0"], "--max-tokens"],
    ["a network file that is not there", ["ask", "x", "--network", "nowhere.json"], "nowhere.json"],
    ["a role without a network", ["worker", "start"], "network"],
    [
      "a database that is none of ours",
      ["worker", "start", "--network", "nowhere.json", "--database", "mysql://here"],
      "--database",
    ],
    ["a port that there is not", ["up", "--port", "70000"], "--port 70000"],
  ])("%s is a usage error that names it, and starts nothing", async (_what, args, named) => {
    const { code, stdout, stderr } = await home.assay(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(named);
    expect(home.processes()).toEqual([]);
  });
});

describe("interrupted while it starts", () => {
  let home: Home;
  beforeAll(() => {
    home = newHome();
  });
  afterAll(() => home.remove());

  test(
    "start leaves nothing behind, and shows no answer",
    async () => {
      const starting = home.start("start", "--json", "--port", "0");
      await starting.until("a role", () =>
        home.processes().some(({ command }) => command.includes("start")),
      );
      starting.signal("SIGINT");
      const { code, stdout } = await starting.ended;
      expect([0, 130]).toContain(code);
      expect(stdout).toBe("");
      expect(await leftovers(home)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe("a cheating worker", () => {
  let home: Home;
  beforeAll(() => {
    home = newHome();
  });
  afterAll(() => home.remove());

  test(
    "is caught, judged, and loses its stake; no answer of its is delivered",
    async () => {
      const up = ["up", "--workers", "3", "--cheat", "weights", "--exit", "--json", "--port", "0"];
      const { code, stdout, stderr } = await home.assay(...up);
      expect({ code, stderr, stdout }).toMatchObject({ code: 0 });
      const events = jsonLines(stdout);
      const answers = events.filter(({ event }) => event === "answer");
      expect(answers.length).toBeGreaterThan(0);
      expect(answers.every(({ verified }) => verified === true)).toBe(true);
      const caught = answers.at(-1)?.["rejected"];
      const court = events.filter(({ event }) => event === "court");
      const [challenged, drawn, ruled, slashed] = ["challenged", "drawn", "ruled", "slashed"].map(
        (kind) => court.find((event) => event["kind"] === kind),
      );
      const cheater = challenged?.["worker"];
      const reason = expect.stringMatching(/^(tokens|trace)/);
      expect(caught).toEqual([expect.objectContaining({ worker: cheater, reason })]);
      expect(drawn?.["juror"]).not.toBe(cheater);
      expect(drawn?.["juror"]).not.toBe(challenged?.["challenger"]);
      expect(ruled).toMatchObject({ fraud: true, juror: drawn?.["juror"] });
      expect(slashed).toMatchObject({ party: cheater, amount: "100000000000000000000" });
      expect(await leftovers(home, 0)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "does not spoil what comes after it: a question starts a network for as long as it takes",
    async () => {
      expect(await home.assay("ask", "What is 3 + 4?")).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("starting one for this question"),
        stdout: expect.stringContaining("VERIFIED: all 12 checks passed"),
      });
      expect(await leftovers(home, 0)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe("a worker that dies", () => {
  let home: Home;
  beforeAll(() => {
    home = newHome();
  });
  afterAll(() => home.remove());

  test(
    "takes no other with it: the next answer comes from those that are left",
    async () => {
      const network = home.start("up", "--workers", "2", "--json", "--port", "0");
      await network.until("the network", ({ stdout }) => stdout.includes("\n"));
      const worker = home.processes().find(({ command }) => command.includes("worker-1"));
      if (worker === undefined) throw new Error("there is no worker");
      process.kill(worker.pid, "SIGKILL");
      const asked = await home.assay("ask", "What is 3 + 4?", "--json");
      expect(jsonLines(asked.stdout)).toEqual([expect.objectContaining({ verified: true })]);
      expect(asked).toMatchObject({ code: 0, stderr: expect.not.stringContaining("starting one") });
      network.signal("SIGINT");
      await network.ended;
      expect(await leftovers(home)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
