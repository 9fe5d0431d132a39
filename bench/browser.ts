/** Verification in a Chromium that was just started: what a user of the page waits for. */

/// <reference lib="dom" />

import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { findChromium } from "../scripts/chromium.ts";

/**
 * Milliseconds from dropping a receipt on the page to its verdict, program fetched, hashed and made ready meanwhile.
 * The browser is a new process with an empty profile, so that no code and no program is cached.
 *
 * @param url of a gateway's page or of the saved file
 * @throws where there is no Chromium, or the verdict is not a good one
 */
export async function verifyInChromium(url: string, receipt: string): Promise<number> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("there is no Chromium here; set CHROMIUM_PATH");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByRole("group", { name: "Receipt and program files" }).waitFor();
    const { verdict, milliseconds } = await page.evaluate(
      dropAndWait,
      readFileSync(receipt).toString("base64"),
    );
    if (verdict !== "valid") throw new Error(`in Chromium the receipt is ${verdict}`);
    return milliseconds;
  } finally {
    await browser.close();
  }
}

/** Runs in the page. */
async function dropAndWait(base64: string) {
  const zone = document.querySelector('[aria-label="Receipt and program files"]');
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  transfer.items.add(new File([bytes], "answer.receipt"));
  const started = performance.now();
  zone?.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
  for (;;) {
    const failure = document.querySelector('[role="alert"]')?.textContent;
    const verdict = document.querySelector<HTMLElement>("[data-verdict]")?.dataset["verdict"];
    const said = verdict ?? failure;
    if (said !== undefined && said !== null) {
      return { verdict: said, milliseconds: performance.now() - started };
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
