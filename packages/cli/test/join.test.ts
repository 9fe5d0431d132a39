/** A network on a chain that is not ours, from nothing: deployed by URL, joined by roles with keys of their own, from another machine's place. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevelopmentChain } from "@assay/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Home, jsonLines, newHome, type Running } from "./support/assay.ts";

const TIMEOUT_MS = 90_000;
const CHAIN_ID = 424_242;
/** Of the phrase that every development chain knows. */
const WELL_KNOWN_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ADDRESS = /0x[0-9a-f]{40}/;
const ONE_COIN = "0xde0b6b3a7640000";

describe("a network on another chain", () => {
  let chain: Awaited<ReturnType<typeof startDevelopmentChain>>;
  let folder: string;
  let network: string;
  /** Each machine has a home of its own. */
  let deployer: Home;
  let homes: Home[];
  let gatewayUrl: string;
  const running: Running[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "assay-join-"));
    network = join(folder, "network.json");
    chain = await startDevelopmentChain({
      directory: folder,
      chainId: CHAIN_ID,
      blockSeconds: 0.25,
    });
    deployer = newHome();
    homes = [deployer];
  }, TIMEOUT_MS);
  afterAll(async () => {
    for (const role of running) role.signal("SIGTERM");
    await Promise.all(running.map(({ ended }) => ended));
    for (const home of homes) home.remove();
    await chain.stop();
    rmSync(folder, { recursive: true, force: true });
  }, TIMEOUT_MS);

  const deploy = (...args: readonly string[]) =>
    deployer.assay(
      ...["deploy", "--rpc", chain.url, "--out", network, "--json"],
      ...["--window-seconds", "2", "--ruling-seconds", "10"],
      ...args,
    );

  /** Coins from an account that the chain's node holds itself, as from a faucet. */
  async function coinsTo(address: string): Promise<void> {
    const rpc = async (method: string, params: readonly unknown[]): Promise<unknown> => {
      const response = await fetch(chain.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      });
      return ((await response.json()) as { result: unknown }).result;
    };
    const [from] = (await rpc("eth_accounts", [])) as string[];
    await rpc("eth_sendTransaction", [{ from, to: address, value: ONE_COIN }]);
    while ((await rpc("eth_getBalance", [address, "latest"])) === "0x0") {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  const addressIn = (text: string): string => ADDRESS.exec(text)?.[0] ?? "no address";

  test(
    "attack: a key that everybody knows deploys nothing there",
    async () => {
      const key = join(folder, "well-known");
      writeFileSync(key, `${WELL_KNOWN_KEY}\n`);
      const { code, stdout, stderr } = await deploy("--key", key, "--block-seconds", "0.25");
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/well-known development key.*refused on chain 424242/);
      expect(() => statSync(network)).toThrow();
    },
    TIMEOUT_MS,
  );

  test.each([
    ["an URL that is none", ["--rpc", "ftp://here"], 2, "--rpc ftp://here"],
    ["a chain that is down", ["--rpc", "http://127.0.0.1:1"], 5, "no chain answers at http"],
    ["a token that is no address", ["--token", "DEV"], 2, "--token DEV"],
    ["an amount that is none", ["--min-stake", "1e3"], 2, "--min-stake 1e3"],
    [
      "a token that is not there",
      ["--token", `0x${"12".repeat(20)}`],
      2,
      "is no ERC-20 on this chain",
    ],
    ["a block time that is none", ["--block-seconds", "0"], 2, "--block-seconds 0 is not above 0"],
    ["a model that is not there", ["--model", "nowhere.assay"], 1, "nowhere.assay"],
  ] as const)("%s is named", async (_name, args, code, message) => {
    const ended = await deploy("--block-seconds", "0.25", ...args);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(message);
    // Nothing was deployed, so no file stays that would say so.
    expect(() => statSync(network)).toThrow();
  });

  test(
    "a chain that has no past asks for its block time",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "assay-young-"));
      const young = await startDevelopmentChain({ directory, chainId: 5, blockSeconds: 30 });
      try {
        const { code, stderr } = await deploy("--rpc", young.url);
        expect(code).toBe(2);
        expect(stderr).toMatch(/last blocks of chain 5 do not tell.*--block-seconds/);
      } finally {
        await young.stop();
        rmSync(directory, { recursive: true, force: true });
      }
    },
    TIMEOUT_MS,
  );

  test(
    "a deployer without coins is told its address, and deploys once it has some",
    async () => {
      const poor = await deploy();
      expect(poor).toMatchObject({ code: 5, stdout: "" });
      expect(poor.stderr).toMatch(/holds 0 of the \d+ wei, for fees/);
      await coinsTo(addressIn(poor.stderr));
      const { code, stdout, stderr } = await deploy();
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(jsonLines(stdout)).toEqual([
        expect.objectContaining({
          file: network,
          network: expect.objectContaining({ chainId: CHAIN_ID, rpc: chain.url }),
        }),
      ]);
      expect(statSync(join(deployer.path, "deployer", "key")).mode & 0o777).toBe(0o600);
      // Not a second time over the first.
      expect(await deploy()).toMatchObject({ code: 2 });
    },
    TIMEOUT_MS,
  );

  /** Starts a role where it has nothing, gives it what it asks for, and starts it again. */
  async function joining(kind: string, at: string, tokens: string): Promise<Running> {
    const home = newHome();
    homes.push(home);
    const args = [kind, "start", "--network", at, ...(kind === "gateway" ? ["--port", "0"] : [])];
    // Whoever stakes says what is missing, and to which address; a gateway has to be asked.
    let address: string;
    if (kind === "gateway") {
      const key = join(home.path, "gateway", "key");
      const first = home.start(...args);
      await first.until("its key", ({ stderr, stdout }) => (stderr + stdout).includes("serves"));
      first.signal("SIGTERM");
      await first.ended;
      const shown = await home.assay("wallet", "show", "--network", at, "--key", key, "--json");
      address = String(jsonLines(shown.stdout)[0]?.["address"]);
    } else {
      const refused = await home.assay(...args);
      expect(refused).toMatchObject({ code: 5 });
      expect(refused.stderr).toMatch(/holds 0 of the \d+ base units of the token 0x/);
      address = addressIn(refused.stderr);
    }
    const sent = await deployer.assay(
      ...["wallet", "send", "--network", network, "--to", address, "--json"],
      ...["--tokens", tokens, "--coins", "0.05"],
    );
    expect(sent).toMatchObject({ code: 0 });
    expect(jsonLines(sent.stdout)).toEqual([
      expect.objectContaining({ address, tokens: `${tokens}${"0".repeat(18)}` }),
    ]);
    const role = home.start(...args);
    running.push(role);
    await role.until(`the ${kind}`, ({ stderr, stdout }) => (stderr + stdout).includes("serves"));
    return role;
  }

  test(
    "a gateway by the file, a verifier and a worker by the gateway's URL: an answer is verified and paid",
    async () => {
      const gateway = await joining("gateway", network, "500");
      gatewayUrl = /"url":"([^"]+)"/.exec(gateway.stdout() + gateway.stderr())?.[1] ?? "";
      const url = `${gatewayUrl}/network.json`;
      await joining("verifier", url, "200");
      await joining("worker", url, "200");
      await untilReady(gatewayUrl);
      const asker = newHome();
      homes.push(asker);
      const receipt = join(folder, "answer.receipt");
      const asked = await asker.assay(
        ...["ask", "What is 17 + 25?", "--network", url, "--json", "--receipt", receipt],
      );
      expect(asked).toMatchObject({ code: 0 });
      const [answer] = jsonLines(asked.stdout);
      expect(answer).toMatchObject({ verified: true, answer: expect.stringContaining("42") });
      expect(readFileSync(receipt).length).toBeGreaterThan(500);
      const worker = String(answer?.["worker"]);
      const staked = `100${"0".repeat(18)}`;
      await eventually(async () => {
        const shown = await asker.assay(
          ...["wallet", "show", "--network", url, "--address", worker, "--json"],
        );
        const [account] = jsonLines(shown.stdout);
        // It had 200, bonded 100, and has been paid on top of the rest.
        return account?.["staked"] === staked && BigInt(String(account["tokens"])) > 10n ** 20n;
      });
    },
    TIMEOUT_MS,
  );

  test("what is no network file, or not there, is said with its address", async () => {
    for (const [at, message] of [
      [`${gatewayUrl}/openapi.json`, /network file: version/],
      [`${gatewayUrl}/nothing`, /nothing: the server answered 404/],
      ["http://127.0.0.1:1/network.json", /cannot read the network file at http:\/\/127/],
    ] as const) {
      const { code, stderr } = await deployer.assay("ask", "x", "--network", at);
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
    }
  });

  test("sending more than there is sends nothing", async () => {
    const to = `0x${"11".repeat(20)}`;
    const send = (...args: readonly string[]) =>
      deployer.assay("wallet", "send", "--network", network, "--to", to, ...args);
    expect((await send("--tokens", "2000000000")).stderr).toMatch(/holds \d+ tokens, fewer/);
    expect((await send("--coins", "5")).stderr).toMatch(/coins, fewer than the 5/);
    expect(await send()).toMatchObject({ code: 2 });
    const shown = await deployer.assay(
      ...["wallet", "show", "--network", network, "--address", to, "--json"],
    );
    expect(jsonLines(shown.stdout)).toEqual([expect.objectContaining({ tokens: "0", coins: "0" })]);
  });
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 40_000;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error("it did not come true");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const untilReady = (url: string): Promise<void> =>
  eventually(async () => (await fetch(`${url}/readyz`)).ok);
