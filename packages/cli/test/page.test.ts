/** The web page in a real Chromium, on a whole network: what a user sees, and what a lying gateway cannot show. */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Home, newHome, type Running, readText } from "./support/assay.ts";
import {
  accessibilityProblems,
  CHROMIUM,
  dropFiles,
  openBrowser,
  overflow,
} from "./support/browser.ts";
import { type LyingProxy, startProxy, withReceipt, withText } from "./support/proxy.ts";

const TIMEOUT_MS = 60_000;
const SITE = fileURLToPath(new URL("../../explorer/generated/site/", import.meta.url));
const MODELS = fileURLToPath(new URL("../../../models/", import.meta.url));
const DEMO = readFileSync(join(MODELS, "demo/demo.assay"));
const demo = JSON.parse(readText(join(MODELS, "demo/program.json"))) as { readonly root: string };
const manifest = JSON.parse(readText(join(SITE, "manifest.json"))) as {
  readonly files: Readonly<Record<string, string>>;
  readonly verify: Readonly<Record<string, { readonly sha256: string }>>;
};
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(CHROMIUM === undefined)("the page, in Chromium", () => {
  let home: Home;
  let network: Running;
  let gateway: string;
  let rpc: string;
  let proxy: LyingProxy;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the page's console said, and every address that it asked. */
  let problems: string[];
  let asked: string[];
  /** A receipt that the page gave, for the tests that verify one. */
  let receipt: Uint8Array;

  beforeAll(async () => {
    home = newHome();
    network = home.start("up", "--workers", "1", "--port", "0");
    await network.until("the network", ({ stdout }) => stdout.includes("stays up until"));
    const file = JSON.parse(readText(home.networkFile())) as { gateway: string; rpc: string };
    ({ gateway, rpc } = file);
    proxy = await startProxy(gateway);
    browser = await openBrowser();
  }, TIMEOUT_MS);
  afterAll(async () => {
    await browser.close();
    proxy.close();
    network.signal("SIGINT");
    await network.ended;
    home.remove();
  }, TIMEOUT_MS);
  beforeEach(async () => {
    [problems, asked] = [[], []];
    proxy.lies = {};
    await open();
  });
  afterEach(() => context.close());

  async function open(options: Parameters<Browser["newContext"]>[0] = {}): Promise<void> {
    await context?.close();
    context = await browser.newContext({ acceptDownloads: true, ...options });
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    context.on("request", (request) => asked.push(request.url()));
  }

  const banner = (region = 0) => page.locator("[data-verdict]").nth(region);
  const alert = () => page.getByRole("alert");
  const statuses = async (region = 0): Promise<readonly string[]> => {
    const rows = page.getByRole("list", { name: "Checks" }).nth(region).locator("li");
    const all = await rows.evaluateAll((items) => items.map((item) => item.dataset["status"]));
    return all.map((status) => status ?? "");
  };
  const ask = async (at = gateway, question = "What is 17 + 25?"): Promise<void> => {
    await page.goto(at);
    await page.getByLabel("Question").fill(question);
    await page.getByRole("button", { name: "Ask" }).click();
  };
  const verdictOf = async (region = 0): Promise<string | null> => {
    await banner(region).waitFor();
    return banner(region).getAttribute("data-verdict");
  };
  const download = async (link: string | RegExp): Promise<Uint8Array> => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: link }).click(),
    ]);
    return readFileSync(await file.path());
  };
  const openVerify = (at = gateway) => page.goto(`${at}/#/verify`);

  describe("asking", () => {
    test("shows the answer, twelve checks with times, the verdict and the payment", async () => {
      await ask();
      expect(await verdictOf()).toBe("valid");
      expect(await statuses()).toEqual(Array.from({ length: 12 }, () => "PASS"));
      expect(await page.locator("output").textContent()).toContain("42");
      const times = await page.locator(".checks .time").allTextContents();
      expect(times).toHaveLength(12);
      for (const time of times) expect(time).toMatch(/^\d+(\.\d)? ms$/);
      await page.locator('[data-paid="yes"]').waitFor();
      expect(await page.locator("[data-paid]").textContent()).toMatch(/Paid: 0\.\d+ tokens/);
      receipt = await download("Save the receipt");
      expect(problems).toEqual([]);
      // Nothing but the gateway, the chain, and what the page itself made.
      const others = asked.filter(
        (url) => !url.startsWith(gateway) && !url.startsWith(rpc) && !url.startsWith("blob:"),
      );
      expect(others).toEqual([]);
    });

    test("works by keyboard alone", async () => {
      await page.goto(gateway);
      await page.getByLabel("Question").focus();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      expect(await verdictOf()).toBe("valid");
    });

    test("with a seed and a temperature holds too", async () => {
      await page.goto(gateway);
      await page.getByText("Model and sampling").click();
      await page.getByLabel("Temperature").fill("1.5");
      await page.getByLabel("Seed").fill("7");
      await page.getByRole("button", { name: "Ask" }).click();
      expect(await verdictOf()).toBe("valid");
    });

    for (const [name, change] of [
      ["Change a word of the answer", /token of the answer is \d+ instead of \d+/],
      ["Raise the price by one unit", /the price is \d+ instead of \d+/],
      ["Change the trace of the computation", /trace differs in one bit/],
      ["Flip one bit anywhere in the file", /bit \d of byte \d+ of the file's \d+ is flipped/],
    ] as const) {
      test(`two clicks fail it: ${name.toLowerCase()}`, async () => {
        await ask();
        await page.getByRole("button", { name: "Tamper with it" }).click();
        await page.getByRole("button", { name }).click();
        expect(await verdictOf(1)).toBe("invalid");
        expect(await statuses(1)).toContain("FAIL");
        expect(await page.getByText(change).count()).toBe(1);
        // The answer above stays what it is.
        expect(await verdictOf(0)).toBe("valid");
      });
    }
  });

  describe("a gateway that lies to the page", () => {
    test("edits the answer: the page says that another text was signed", async () => {
      proxy.lies = { event: withText((text) => text.replaceAll("4", "5")) };
      await ask(proxy.url);
      expect(await verdictOf()).toBe("invalid");
      expect(await banner().textContent()).toContain("another text than the one that was signed");
    });

    test("edits the prompt: the check of the prompt fails", async () => {
      const messages = [{ role: "user", content: "What is 1 + 1?" }];
      proxy.lies = { request: (body) => ({ ...body, messages }) };
      await ask(proxy.url);
      expect(await verdictOf()).toBe("invalid");
      expect(await banner().textContent()).toContain("PROMPT");
    });

    test("hands over another receipt: it does not hold", async () => {
      proxy.lies = { event: withReceipt(() => receipt) };
      await ask(proxy.url, "What is 3 + 4?");
      expect(await verdictOf()).toBe("invalid");
    });

    test("hands over another program: its root is not the registered one", async () => {
      proxy.lies = { program: (file) => file.map((byte, i) => (i === 900_000 ? byte ^ 1 : byte)) };
      await ask(proxy.url);
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/the registry says/);
      expect(await page.locator("[data-verdict]").count()).toBe(0);
    });

    test("hands over bytes that are no program", async () => {
      proxy.lies = { program: () => new Uint8Array(1000) };
      await ask(proxy.url);
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/program/);
    });
  });

  describe("bad input, each with a clear message", () => {
    test("an unknown model", async () => {
      await page.goto(gateway);
      await page.getByText("Model and sampling").click();
      await page.getByLabel("Model").fill("gpt-9");
      await page.getByRole("button", { name: "Ask" }).click();
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/gpt-9/);
    });

    test("a prompt over the context length", async () => {
      await ask(gateway, "What is 17 + 25? ".repeat(200));
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/context|tokens/);
    });

    test("a gateway that is gone", async () => {
      const gone = await startProxy(gateway);
      await page.goto(gone.url, { waitUntil: "networkidle" });
      gone.close();
      await page.getByRole("button", { name: "Ask" }).click();
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/gateway at .* cannot be reached/);
    });

    test("a gateway that is gone before the page is whole", async () => {
      await page.route("**/assets/worker-*.js", (route) => route.abort());
      await page.goto(gateway, { waitUntil: "networkidle" });
      await page.getByRole("button", { name: "Ask" }).click();
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/did not load; reload the page/);
    });

    test("a chain that is down", async () => {
      await page.route(`${rpc}/**`, (route) => route.abort());
      await ask();
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/chain/);
    });

    test("a gateway that wants an API key: none, a wrong one", async () => {
      const keys = join(home.path, "keys");
      writeFileSync(keys, "correct-horse-battery-staple\n");
      const keyed = home.start(
        ...["gateway", "start", "--network", home.networkFile(), "--port", "0"],
        ...["--home", join(home.path, "keyed"), "--api-keys", keys],
      );
      const url = /"url":"([^"]+)"/;
      await keyed.until("the gateway with keys", ({ stdout, stderr }) => url.test(stdout + stderr));
      const at = url.exec(keyed.stdout() + keyed.stderr())?.[1] ?? "";
      await ask(at);
      await alert().waitFor();
      expect(await alert().textContent()).toMatch(/API key|Authorization/);
      await page.getByText("Model and sampling").click();
      await page.getByLabel("API key").fill("wrong-horse-battery-staple");
      await page.getByRole("button", { name: "Ask" }).click();
      await page.getByText("this API key is not known here").waitFor();
      // The key that is given last is the one that a receipt's program is fetched with.
      await page.getByLabel("API key").fill("correct-horse-battery-staple");
      await page.getByRole("button", { name: "Ask" }).click();
      await page.getByRole("link", { name: "Verify", exact: true }).click();
      await dropFiles(page, [{ name: "a.receipt", bytes: receipt }]);
      await page.locator('[data-verdict="valid"]').first().waitFor();
      keyed.signal("SIGINT");
      await keyed.ended;
    });
  });

  describe("verifying a dropped receipt", () => {
    beforeEach(() => openVerify());
    const drop = (bytes: Uint8Array, name = "a.receipt") => dropFiles(page, [{ name, bytes }]);

    test("holds, and shows prompt and answer", async () => {
      await drop(receipt);
      expect(await verdictOf()).toBe("valid");
      expect(await page.locator(".dialogue").textContent()).toMatch(/17 \+ 25.*42/s);
      expect(problems).toEqual([]);
    });

    test("chosen by hand holds too", async () => {
      const buffer = Buffer.from(receipt);
      const file = { name: "b.receipt", mimeType: "application/octet-stream", buffer };
      await page.getByLabel("Drop a receipt file here").setInputFiles(file);
      expect(await verdictOf()).toBe("valid");
    });

    test("with one bit flipped does not", async () => {
      await drop(receipt.map((byte, i) => (i === receipt.length - 1 ? byte ^ 1 : byte)));
      expect(await verdictOf()).toBe("invalid");
    });

    test("that is none, or is cut short, is said to be none", async () => {
      await drop(new TextEncoder().encode("hello"));
      expect(await verdictOf()).toBe("invalid");
      expect(await statuses()).toEqual(["FAIL", ...Array.from({ length: 11 }, () => "SKIP")]);
      await drop(receipt.subarray(0, receipt.length - 3));
      await page.locator('[data-verdict="invalid"]').waitFor();
      expect(await statuses()).toContain("FAIL");
    });

    test("that is too large is not read", async () => {
      await drop(new Uint8Array(1_000_001), "large.receipt");
      await alert().waitFor();
      expect(await alert().textContent()).toContain("large.receipt has 1000001 bytes");
    });

    test("under a root that is none, another root, and the right one", async () => {
      const root = page.getByLabel("Program root that you pin");
      await root.fill("0x12");
      await drop(receipt);
      await alert().waitFor();
      expect(await alert().textContent()).toContain("64 hexadecimal digits");
      await root.fill(`0x${"11".repeat(32)}`);
      await drop(receipt);
      expect(await verdictOf()).toBe("invalid");
      await root.fill(`0x${demo.root}`);
      await drop(receipt);
      await page.locator('[data-verdict="valid"]').waitFor();
      expect(await page.getByText("PROGRAM_PINNED").count()).toBe(1);
    });
  });

  describe("the verifier as one file", () => {
    const FILES = [
      ["the verifier as one file", "verify.html"],
      ["the same with the demo model inside", "verify-demo.html"],
    ] as const;
    const save = async (index: 0 | 1): Promise<string> => {
      const [link, name] = FILES[index];
      await openVerify();
      const bytes = await download(link);
      expect(sha256(bytes)).toBe(manifest.verify[name]?.sha256);
      const path = join(home.path, name);
      writeFileSync(path, bytes);
      return pathToFileURL(path).href;
    };

    test("has the published hash, and verifies from disk, offline, asking nobody", async () => {
      const url = await save(1);
      await open({ offline: true });
      asked = [];
      await page.goto(url);
      await dropFiles(page, [{ name: "a.receipt", bytes: receipt }]);
      expect(await verdictOf()).toBe("valid");
      expect(problems).toEqual([]);
      expect(asked.filter((address) => !/^(file|blob):/.test(address))).toEqual([]);
    });

    test("without a model says what it needs, and takes the program file", async () => {
      const url = await save(0);
      await page.goto(url);
      await dropFiles(page, [{ name: "a.receipt", bytes: receipt }]);
      await alert().waitFor();
      expect(await alert().textContent()).toContain("drop the program file too");
      await dropFiles(page, [{ name: "demo.assay", bytes: DEMO }]);
      expect(await verdictOf()).toBe("valid");
    });

    test("cannot send a receipt anywhere, even online and told to", async () => {
      await page.goto(await save(1));
      const sent = await page.evaluate(async (to) => {
        const image = new Promise((resolve) => {
          const element = new Image();
          element.onload = () => resolve("sent");
          element.onerror = () => resolve("refused");
          element.src = `${to}/image`;
        });
        const request = fetch(`${to}/healthz`, { mode: "no-cors" });
        return [
          await request.then(
            () => "sent",
            () => "refused",
          ),
          await image,
        ];
      }, gateway);
      expect(sent).toEqual(["refused", "refused"]);
    });
  });

  describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
    test.each([1000, 360])("at %i pixels: accessible, and nothing sticks out", async (width) => {
      await open({ colorScheme, viewport: { width, height: 740 } });
      await page.goto(gateway);
      expect(await accessibilityProblems(page)).toEqual([]);
      await ask();
      await page.getByRole("button", { name: "Tamper with it" }).click();
      await page.getByRole("button", { name: "Raise the price by one unit" }).click();
      await verdictOf(1);
      await page.getByText("Model and sampling").click();
      await page.getByText("Receipt", { exact: true }).first().click();
      expect(await accessibilityProblems(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      await openVerify();
      await dropFiles(page, [{ name: "a.receipt", bytes: receipt }]);
      await page.locator(".dialogue").waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      const ground = await page.evaluate(
        () => getComputedStyle(document.documentElement).backgroundColor,
      );
      expect(ground).toBe(colorScheme === "light" ? "rgb(251, 251, 250)" : "rgb(20, 23, 27)");
    });
  });

  test("every file that the page consists of is the one that the manifest pins", async () => {
    for (const [name, pinned] of Object.entries(manifest.files)) {
      const response = await fetch(`${gateway}/${name}`);
      expect(sha256(new Uint8Array(await response.arrayBuffer())), name).toBe(pinned);
    }
  });
});
