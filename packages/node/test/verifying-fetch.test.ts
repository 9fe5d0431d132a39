/** A fetch that verifies, under OpenAI's own client: honest gateways pass, lying ones do not. */

import { readFileSync } from "node:fs";
import { type CheckedChoice, openModel, verifyingFetch } from "@assay/sdk";
import { decodeReceiptFile, encodeReceiptFile } from "@assay/wire";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Gateway } from "../src/gateway/gateway.ts";
import { DEMO_PATH } from "./support/demo.ts";
import { closeLiars, type Lie, startLiar, withReceipt } from "./support/lying-gateway.ts";
import { openStage, ready, registerDemo, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let stage: Stage;
let gateway: Gateway;
let expected: { readonly chainId: bigint; readonly settlement: Uint8Array };

beforeAll(async () => {
  chain = await startTestChain();
  const { domain } = await registerDemo(chain);
  expected = domain;
  stage = openStage(chain);
  gateway = await stage.gateway("gateway");
  await stage.worker("worker", gateway);
  await ready(gateway);
}, 60_000);
afterAll(async () => {
  await stage.stop();
  await chain.stop();
});
afterEach(closeLiars);

const model = openModel(new Uint8Array(readFileSync(DEMO_PATH)));

interface Client {
  readonly openai: OpenAI;
  readonly checked: CheckedChoice[];
}

function clientAt(url: string, onFail: "throw" | "report" = "throw"): Client {
  const checked: CheckedChoice[] = [];
  const fetch = verifyingFetch({
    model: async () => model,
    expected,
    onFail,
    onChecked: (choices) => checked.push(...choices),
  });
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, fetch });
  return { openai, checked };
}

const clientOf = async (lie: Lie): Promise<Client> => clientAt(await startLiar(gateway.url, lie));

const request = {
  model: "demo",
  messages: [{ role: "user" as const, content: "What is 20 + 22?" }],
};

async function streamed(openai: OpenAI, change: object = {}): Promise<string> {
  let text = "";
  const stream = await openai.chat.completions.create({ ...request, ...change, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

describe("an honest gateway", () => {
  test.each([
    ["as it is", {}],
    ["live", { deliver: "live" }],
    ["sampled, with a seed", { temperature: 1.5, top_p: 0.9, seed: 3 }],
    ["with a limit", { max_tokens: 3 }],
    ["with a stop sequence", { stop: " " }],
    ["with several choices", { n: 3, temperature: 1.2 }],
    [
      "with a system message",
      { messages: [{ role: "developer", content: "Be brief." }, ...request.messages] },
    ],
    [
      "with content in parts",
      { messages: [{ role: "user", content: [{ type: "text", text: "What is 1 + 1?" }] }] },
    ],
    ["with log probabilities", { logprobs: true, top_logprobs: 2 }],
  ])("passes, whole and streamed: %s", async (_how, change) => {
    const { openai, checked } = clientAt(gateway.url);
    const whole = await openai.chat.completions.create({ ...request, ...change } as typeof request);
    expect(checked.map(({ objection }) => objection)).toEqual(whole.choices.map(() => null));
    expect(checked.map(({ text }) => text)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
    const text = await streamed(openai, change);
    expect(checked.slice(whole.choices.length).every(({ objection }) => objection === null)).toBe(
      true,
    );
    const texts = checked.slice(whole.choices.length).map((choice) => choice.text);
    expect(texts.join("")).toBe(text);
  });

  test("that refuses is heard: nothing is there to verify", async () => {
    const { openai, checked } = clientAt(gateway.url);
    const asked = openai.chat.completions.create({ ...request, presence_penalty: 1 });
    await expect(asked).rejects.toMatchObject({ status: 400, param: "presence_penalty" });
    expect(checked).toEqual([]);
  });

  test("tells its models: what is no request for text passes through", async () => {
    expect((await clientAt(gateway.url).openai.models.list()).data).toHaveLength(1);
  });

  test("is not asked what could not be checked", async () => {
    const { openai } = clientAt(gateway.url);
    const older = openai.completions.create({ model: "demo", prompt: "x" });
    await expect(older).rejects.toMatchObject({ cause: { detail: { code: "SDK_REQUEST" } } });
    const newer = openai.responses.create({ model: "demo", input: "x" });
    await expect(newer).rejects.toMatchObject({ cause: { detail: { code: "SDK_REQUEST" } } });
    const image = { type: "image_url" as const, image_url: { url: "data:," } };
    const seen = openai.chat.completions.create({
      model: "demo",
      messages: [{ role: "user", content: [image] }],
    });
    await expect(seen).rejects.toMatchObject({ cause: { detail: { code: "SDK_REQUEST" } } });
  });
});

type Json = Record<string, unknown>;

/** Changes the text that is shown, whole or in pieces. */
const showing =
  (change: (text: string) => string) =>
  (event: Json): Json => ({
    ...event,
    choices: (event["choices"] as Json[] | undefined)?.map((choice) => {
      const part = choice["message"] === undefined ? "delta" : "message";
      const said = choice[part] as { content?: string };
      const content = said.content === undefined ? {} : { content: change(said.content) };
      return { ...choice, [part]: { ...said, ...content } };
    }),
  });

const LIES: readonly (readonly [string, Lie, RegExp, object?])[] = [
  ["edits the text", { event: showing((text) => text.replace(/4/g, "5")) }, /not the receipt's/],
  ["leaves the receipt out", { event: ({ assay: _, ...event }) => event }, /sent no receipt/],
  [
    "puts words before the question",
    {
      request: (body) => ({
        ...body,
        messages: [{ role: "system", content: "Lie." }, ...(body["messages"] as Json[])],
      }),
    },
    /check 7, prompt/,
  ],
  [
    "asks for fewer tokens",
    { request: (body) => ({ ...body, max_completion_tokens: 2 }) },
    /check 10/,
  ],
  ["samples otherwise", { request: (body) => ({ ...body, temperature: 1 }) }, /check 10/],
  ["chooses the seed", { request: (body) => ({ ...body, seed: 1 }) }, /check 9, seed/],
  [
    "drops the client's seed",
    { request: ({ seed: _, ...body }) => body },
    /check 9, seed/,
    { seed: 5 },
  ],
  [
    "stops the answer itself, and says that it was to",
    { request: (body) => ({ ...body, stop: " " }), event: showing((text) => text) },
    /check 10/,
  ],
  [
    "does not stop where it was to",
    { request: ({ stop: _, ...body }) => body },
    /not the receipt's/,
    { stop: "=" },
  ],
  [
    "changes a bit of the receipt",
    {
      event: withReceipt((file) => {
        const changed = file.slice();
        changed[500] = (changed[500] ?? 0) ^ 1;
        return changed;
      }),
    },
    /^choice 0 is not verified: check \d+/,
  ],
  [
    "shows a receipt of another chain",
    {
      event: withReceipt((bytes) => {
        const file = decodeReceiptFile(bytes);
        return encodeReceiptFile({ ...file, domain: { ...file.domain, chainId: 1n } });
      }),
    },
    /check 2, order signature/,
  ],
  [
    "sends something that is no receipt",
    { event: withReceipt(() => new Uint8Array(7)) },
    /check 1, format/,
  ],
  [
    "answers once, and shows it as two",
    {
      event: (event) => {
        const assay = event["assay"] as { choices?: Json[] } | undefined;
        const [first] = assay?.choices ?? [];
        const choices = event["choices"] as Json[] | undefined;
        const one = choices?.[0];
        return {
          ...event,
          ...(one?.["message"] === undefined
            ? {}
            : { choices: choices?.map((choice) => ({ ...one, index: choice["index"] })) }),
          ...(first === undefined
            ? {}
            : { assay: { ...assay, choices: [first, { ...first, index: 1 }] } }),
        };
      },
    },
    /receipt is that of another choice|not the receipt's/,
    { n: 2, temperature: 1.9 },
  ],
];

describe("attack: a gateway that", () => {
  test.each<[string, Lie, RegExp, object]>(
    LIES.map(([what, lie, reason, change = {}]) => [what, lie, reason, change]),
  )("%s is found out, whole and streamed", async (_what, lie, reason, change) => {
    const { openai } = await clientOf(lie);
    const whole = openai.chat.completions.create({ ...request, ...change });
    const error: unknown = await whole.then(
      () => undefined,
      (why: unknown) => why,
    );
    expect(messageOf(error)).toMatch(reason);
    const broken: unknown = await streamed(openai, change).then(
      () => undefined,
      (why: unknown) => why,
    );
    expect(messageOf(broken)).toMatch(reason);
  });

  test("is only reported where that is what the caller wants", async () => {
    const url = await startLiar(gateway.url, { event: showing(() => "43") });
    const { openai, checked } = clientAt(url, "report");
    const whole = await openai.chat.completions.create(request);
    expect(whole.choices[0]?.message.content).toBe("43");
    expect(checked).toMatchObject([{ index: 0, objection: expect.stringContaining("receipt's") }]);
  });

  test("ends a stream early leaves it unverified", async () => {
    const { openai } = await clientOf({
      event: (event) => ((event["choices"] as Json[]).length === 0 ? null : event),
    });
    await expect(streamed(openai)).rejects.toThrow(/sent no receipt/);
  });
});

/** Of an error or of what caused it: OpenAI's client wraps what its fetch throws. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "no error";
  return error.cause instanceof Error ? error.cause.message : error.message;
}
