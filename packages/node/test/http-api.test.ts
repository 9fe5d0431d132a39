/** The gateway's HTTP API, through OpenAI's own client and Vercel's AI SDK, against a real network in this process. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { ChainClient } from "@assay/chain";
import { cutAtStop } from "@assay/model/chat";
import { type ClientModel, openModel } from "@assay/sdk";
import { choiceSeed, decodeReceiptFile } from "@assay/wire";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gateway } from "../src/gateway/gateway.ts";
import { ROUTES } from "../src/gateway/http/app.ts";
import { DEMO_PATH, demoModel } from "./support/demo.ts";
import { openStage, ready, registerDemo, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let reader: ChainClient;
let stage: Stage;
let gateway: Gateway;
let openai: OpenAI;
let model: ClientModel;

beforeAll(async () => {
  chain = await startTestChain();
  reader = await registerDemo(chain);
  stage = openStage(chain);
  gateway = await stage.gateway("gateway");
  await stage.worker("worker", gateway);
  await ready(gateway);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
  model = openModel(new Uint8Array(readFileSync(DEMO_PATH)));
}, 60_000);
afterAll(async () => {
  await stage.stop();
  await chain.stop();
});

const LONG = "Spell the word pneumonoultramicroscopicsilicovolcanoconiosis.";
const messages = (content: string) => [{ role: "user" as const, content }];
const chat = (content = "What is 20 + 22?") => ({ model: "demo", messages: messages(content) });

interface Receipt {
  readonly index?: number;
  readonly receipt_id: string;
  readonly receipt: string;
}
const assayOf = (body: object): Receipt & { readonly choices?: readonly Receipt[] } =>
  Reflect.get(body, "assay") as Receipt;
const fileOf = ({ receipt }: Receipt): Uint8Array => new Uint8Array(Buffer.from(receipt, "base64"));

/** The client's own verdict on a receipt for this question. */
const verdictOn = (receipt: Receipt, content: string, expected: object = {}) =>
  model.verify(fileOf(receipt), {
    pinnedRoot: demoModel().root,
    expected: {
      chainId: reader.domain.chainId,
      settlement: reader.domain.settlement,
      prompt: model.chat.renderPrompt(messages(content)),
      ...expected,
    },
  });

function textOf(file: Uint8Array): string {
  const { output } = decodeReceiptFile(file);
  const decoder = model.chat.textStream();
  const tokens = output.filter((token) => !model.program.endTokens.includes(token));
  return tokens.map((token) => decoder.push(token)).join("") + decoder.end();
}

const getJson = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${gateway.url}${path}`, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
};
const post = (path: string, body: unknown, type = "application/json") =>
  getJson(path, {
    method: "POST",
    headers: { "content-type": type },
    body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
  });

describe("several choices", () => {
  test("are orders of their own, each with its receipt", async () => {
    const { data, response } = await openai.chat.completions
      .create({ ...chat(), n: 3, temperature: 1.5, max_tokens: 12 })
      .withResponse();
    expect(data.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const { choices = [] } = assayOf(data);
    expect(new Set(choices.map(({ receipt_id: id }) => id)).size).toBe(3);
    expect(response.headers.get("x-receipt-id")).toBe(
      choices.map(({ receipt_id: id }) => id).join(", "),
    );
    for (const [place, receipt] of choices.entries()) {
      expect(verdictOn(receipt, "What is 20 + 22?", { clientSeed: null, cut: false }).ok).toBe(
        true,
      );
      expect(textOf(fileOf(receipt))).toBe(data.choices[place]?.message.content);
    }
    // The prompt counts once.
    const counts = choices.map((receipt) => decodeReceiptFile(fileOf(receipt)).receipt);
    expect(data.usage).toMatchObject({
      prompt_tokens: counts[0]?.promptTokens,
      completion_tokens: counts.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    });
  });

  test("with a seed each have the seed that follows from it", async () => {
    const request = { ...chat(), n: 3, temperature: 1.8, seed: 7, max_tokens: 12 };
    const [one, two] = [
      await openai.chat.completions.create(request),
      await openai.chat.completions.create(request),
    ];
    const texts = one.choices.map(({ message }) => message.content);
    expect(two.choices.map(({ message }) => message.content)).toEqual(texts);
    for (const [place, receipt] of (assayOf(one).choices ?? []).entries()) {
      const clientSeed = choiceSeed(7n, place);
      expect(verdictOn(receipt, "What is 20 + 22?", { clientSeed }).ok).toBe(true);
    }
  });

  test("stream interleaved, and end each for itself", async () => {
    const stream = await openai.chat.completions.create({
      ...chat(),
      n: 2,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ["", ""];
    const ends: number[] = [];
    let last: object = {};
    for await (const chunk of stream) {
      for (const choice of chunk.choices) {
        texts[choice.index] += choice.delta.content ?? "";
        if (choice.finish_reason !== null) ends.push(choice.index);
      }
      last = chunk;
    }
    expect(new Set(ends)).toEqual(new Set([0, 1]));
    const { choices = [] } = assayOf(last);
    expect(choices.map((receipt) => textOf(fileOf(receipt)))).toEqual(texts);
  });
});

describe("a stop sequence", () => {
  test.each([
    ["whole", "verified", false],
    ["streamed when it is verified", "verified", true],
    ["streamed live", "live", true],
  ] as const)(
    "ends the text before it, the order at it, and the price with it: %s",
    async (_how, deliver, stream) => {
      const full = await openai.chat.completions.create({ ...chat(LONG), max_tokens: 96 });
      const text = full.choices[0]?.message.content ?? "";
      const stop = text.slice(20, 23);
      const request = { ...chat(LONG), max_tokens: 96, stop: [stop, "never there"], deliver };
      let shown = "";
      let receipt: Receipt;
      let finish: string | null | undefined;
      if (stream) {
        let last: object = {};
        for await (const chunk of await openai.chat.completions.create({ ...request, stream })) {
          shown += chunk.choices[0]?.delta.content ?? "";
          finish = chunk.choices[0]?.finish_reason ?? finish;
          last = chunk;
        }
        receipt = assayOf(last);
      } else {
        const whole = await openai.chat.completions.create({ ...request, stream });
        shown = whole.choices[0]?.message.content ?? "";
        finish = whole.choices[0]?.finish_reason;
        receipt = assayOf(whole);
      }
      expect(finish).toBe("stop");
      expect(shown).toBe(cutAtStop(text, [stop]).text);
      const { receipt: signed } = decodeReceiptFile(fileOf(receipt));
      expect(signed.finishReason).toBe(3);
      expect(signed.outputTokens).toBeLessThan(full.usage?.completion_tokens ?? 0);
      expect(verdictOn(receipt, LONG, { cut: true }).ok).toBe(true);
      // Who did not ask for a stop would find out.
      expect(verdictOn(receipt, LONG, { cut: false }).reason).toBe("CUT_UNEXPECTED");
      expect(cutAtStop(textOf(fileOf(receipt)), [stop])).toEqual({ text: shown, stopped: true });
    },
  );
});

describe("log probabilities", () => {
  test("are those of the program, as anybody who has it computes them", async () => {
    const request = { ...chat(), logprobs: true, top_logprobs: 3 };
    const whole = await openai.chat.completions.create(request);
    const content = whole.choices[0]?.logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join("")).toBe(whole.choices[0]?.message.content);
    const { prompt, output } = decodeReceiptFile(fileOf(assayOf(whole)));
    const session = demoModel().engine.createSession();
    session.append(prompt);
    for (const [place, entry] of content.entries()) {
      const logits = [...session.logits()];
      const most = Math.max(...logits);
      const sum = logits.reduce((total, logit) => total + Math.exp((logit - most) / 1024), 0);
      const token = output[place] ?? 0;
      expect(entry.logprob).toBeCloseTo(((logits[token] ?? 0) - most) / 1024 - Math.log(sum), 9);
      expect(entry.top_logprobs).toHaveLength(3);
      // Greedy: the likeliest was chosen.
      expect(entry.top_logprobs[0]?.token).toBe(entry.token);
      session.append([token]);
    }
    session.close();
    const older = await openai.completions.create({ model: "demo", prompt: "two", logprobs: 2 });
    const lists = older.choices[0]?.logprobs;
    expect(lists?.tokens?.join("")).toBe(older.choices[0]?.text);
    expect(lists?.token_logprobs).toHaveLength(lists?.tokens?.length ?? -1);
  });

  test("are not told where nobody asked", async () => {
    const whole = await openai.chat.completions.create(chat());
    expect(whole.choices[0]?.logprobs).toBeNull();
  });
});

describe("/v1/completions", () => {
  const prompt = "The word is";
  test("continues text as it is, without a template; as tokens too", async () => {
    const text = await openai.completions.create({ model: "demo", prompt, max_tokens: 8 });
    const tokens = model.chat.encodeText(prompt);
    const same = await openai.completions.create({ model: "demo", prompt: tokens, max_tokens: 8 });
    expect(same.choices[0]?.text).toBe(text.choices[0]?.text);
    const file = decodeReceiptFile(fileOf(assayOf(text)));
    expect(file.prompt).toEqual(tokens);
    expect(model.verify(fileOf(assayOf(text))).ok).toBe(true);
    expect(text).toMatchObject({ object: "text_completion", usage: { completion_tokens: 8 } });
  });

  test("takes several prompts, streams, and puts the receipts last", async () => {
    const both = await openai.completions.create({ model: "demo", prompt: [prompt, "A"], n: 2 });
    expect(both.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    let last: object = {};
    let text = "";
    const request = { model: "demo", prompt, stream: true as const };
    for await (const chunk of await openai.completions.create(request)) {
      text += chunk.choices[0]?.text ?? "";
      last = chunk;
    }
    expect(text).toBe(both.choices[0]?.text);
    expect(textOf(fileOf(assayOf(last)))).toBe(text);
  });

  test.each<[string, object]>([
    ["suffix", { suffix: "end" }],
    ["echo", { echo: true }],
    ["best_of", { best_of: 2 }],
    ["prompt", { prompt: [] }],
    ["prompt", { prompt: [1e9] }],
  ])("refuses %s, and names it", async (param, change) => {
    const body = { model: "demo", prompt, ...change };
    expect(await post("/v1/completions", body)).toMatchObject({
      status: 400,
      body: { error: { param: expect.stringContaining(param) } },
    });
  });
});

describe("/v1/responses", () => {
  test("answers text and messages with a response and its receipt", async () => {
    const response = await openai.responses.create({
      model: "demo",
      instructions: "You are brief.",
      input: "What is 20 + 22?",
      store: false,
    });
    expect(response).toMatchObject({ object: "response", status: "completed", store: false });
    const file = fileOf(assayOf(response));
    expect(response.output_text).toBe(textOf(file));
    const dialogue = [
      { role: "system" as const, content: "You are brief." },
      ...messages("What is 20 + 22?"),
    ];
    expect(decodeReceiptFile(file).prompt).toEqual(model.chat.renderPrompt(dialogue));
    const short = await openai.responses.create({
      model: "demo",
      input: messages("What is 20 + 22?"),
      max_output_tokens: 2,
    });
    expect(short).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
    });
  });

  test.each([undefined, "live"])("streams typed events in order (%s)", async (deliver) => {
    const stream = await openai.responses.create({
      model: "demo",
      input: "What is 20 + 22?",
      stream: true,
      ...(deliver === undefined ? {} : ({ deliver } as object)),
    });
    const types: string[] = [];
    const numbers: number[] = [];
    let text = "";
    let completed: { readonly output_text?: string } & object = {};
    for await (const event of stream) {
      if (types.at(-1) !== event.type) types.push(event.type);
      numbers.push(event.sequence_number);
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.completed") completed = event.response;
    }
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(numbers).toEqual(numbers.map((_, place) => place));
    expect(textOf(fileOf(assayOf(completed)))).toBe(text);
  });

  test.each<[string, object]>([
    ["store", { store: true }],
    ["previous_response_id", { previous_response_id: "resp_1" }],
    ["tools", { tools: [{ type: "web_search" }] }],
    ["background", { background: true }],
    ["input", { input: [] }],
  ])("refuses %s, and names it", async (param, change) => {
    const body = { model: "demo", input: "x", ...change };
    expect(await post("/v1/responses", body)).toMatchObject({
      status: 400,
      body: { error: { param: expect.stringContaining(param) } },
    });
  });
});

describe("Vercel's AI SDK", () => {
  const provider = () =>
    createOpenAICompatible({
      name: "assay",
      baseURL: `${gateway.url}/v1`,
      metadataExtractor: {
        extractMetadata: async ({ parsedBody }) => ({
          assay: { receipt: assayOf(parsedBody as object).receipt },
        }),
        createStreamExtractor: () => {
          let receipt = "";
          return {
            processChunk: (chunk) => {
              const part = Reflect.get(chunk as object, "assay") as Receipt | undefined;
              if (part !== undefined) receipt = part.receipt;
            },
            buildMetadata: () => ({ assay: { receipt } }),
          };
        },
      },
    }).chatModel("demo");

  test("gets text, and the receipt as metadata", async () => {
    const { text, providerMetadata, usage } = await generateText({
      model: provider(),
      prompt: "What is 20 + 22?",
      maxRetries: 0,
    });
    const receipt = providerMetadata?.["assay"]?.["receipt"] as string;
    const file = new Uint8Array(Buffer.from(receipt, "base64"));
    expect(textOf(file)).toBe(text);
    expect(usage.outputTokens).toBe(decodeReceiptFile(file).output.length);
  });

  test("streams", async () => {
    const result = streamText({ model: provider(), prompt: "What is 20 + 22?", maxRetries: 0 });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    const metadata = await result.providerMetadata;
    const receipt = metadata?.["assay"]?.["receipt"] as string;
    expect(textOf(new Uint8Array(Buffer.from(receipt, "base64")))).toBe(text);
    expect(text).not.toBe("");
  });
});

test("an independent suite for OpenAI-compatible servers misses what is refused by name, and nothing else", async () => {
  const child = spawn(
    process.execPath,
    [
      "node_modules/compatcanary/src/cli.js",
      ...["scan", "--base-url", `${gateway.url}/v1`, "--model", "demo", "--profile", "chat"],
      ...["--api-key", "none", "--format", "json", "--fail-on", "never"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    output += String(chunk);
  });
  const [code] = await once(child, "close");
  expect({ code, output }).toMatchObject({ code: 0 });
  const { results } = JSON.parse(output) as { results: { id: string; status: string }[] };
  expect(results.map(({ id, status }) => `${id}: ${status}`)).toEqual([
    "models.list: pass",
    "chat.basic: pass",
    "chat.streaming: pass",
    // Tools and schemas need constrained decoding, which the sampling rules do not have yet.
    "chat.tool_call: fail",
    "chat.structured_output: fail",
  ]);
});

describe("what a gateway tells of itself", () => {
  test("models: what to pin, how long, how dear", async () => {
    const list = await openai.models.list();
    const one = await openai.models.retrieve("demo");
    expect(list.data[0]).toEqual(one);
    expect(one).toMatchObject({
      id: "demo",
      program_root: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      context_length: model.program.context,
      pricing: { prompt: "10", completion: "30" },
    });
    await expect(openai.models.retrieve("nothing")).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
    });
  });

  test("receipts: as bytes, and as values", async () => {
    const { receipt_id: id, receipt } = assayOf(await openai.chat.completions.create(chat()));
    const json = await getJson(`/v1/receipts/${id}`, { headers: { accept: "application/json" } });
    expect(json.body).toMatchObject({
      object: "receipt",
      id,
      file: receipt,
      receipt: { outputTokens: expect.any(Number), worker: expect.stringMatching(/^0x/) },
    });
    const tasks = (await getJson("/v1/tasks")).body as { data: { receipt_id: string }[] };
    expect(tasks.data.map(({ receipt_id: of }) => of)).toContain(id);
    const workers = await getJson("/v1/workers");
    expect(workers.body).toMatchObject({ data: [{ funded: true, banned: false, slots: 4 }] });
  });

  test("verdicts: on a good receipt, a tampered one, and no receipt", async () => {
    const { receipt } = assayOf(await openai.chat.completions.create(chat()));
    expect((await post("/v1/verify", { receipt })).body).toMatchObject({ ok: true, reason: null });
    const file = fileOf({ receipt, receipt_id: "" });
    const octets = "application/octet-stream";
    expect((await post("/v1/verify", file, octets)).body).toMatchObject({ ok: true });
    const tampered = file.slice();
    const last = tampered.length - 1;
    tampered[last] = (tampered[last] ?? 0) ^ 1;
    expect((await post("/v1/verify", tampered, octets)).body).toMatchObject({
      ok: false,
      reason: "OUTPUT_NOT_OPENED",
    });
    expect((await post("/v1/verify", new Uint8Array(9), octets)).body).toMatchObject({
      ok: false,
      reason: "FORMAT_INVALID",
      receipt_id: null,
    });
    expect(await post("/v1/verify", { receipt: "not base64!" })).toMatchObject({
      status: 400,
      body: { error: { param: "receipt" } },
    });
    const other = file.slice();
    other[38] = (other[38] ?? 0) ^ 1;
    expect(await post("/v1/verify", other, octets)).toMatchObject({
      status: 404,
      body: { error: { code: "model_not_found" } },
    });
  });

  test("health, readiness, version and a request id on everything", async () => {
    expect((await getJson("/readyz")).body).toEqual({ ready: true, models: true, worker: true });
    expect((await getJson("/version")).body).toEqual({ name: "assay", version: "0.0.0-test" });
    for (const path of ["/healthz", "/v1/models", "/v1/nothing"]) {
      const { headers } = await fetch(`${gateway.url}${path}`);
      expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f-]{36}$/);
    }
  });

  test("metrics: what happened is counted, by route and not by id", async () => {
    await openai.chat.completions.create(chat());
    await fetch(`${gateway.url}/v1/receipts/0x${"00".repeat(32)}`);
    for await (const _ of await openai.chat.completions.create({ ...chat(), stream: true }));
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const countOf = (line: string): number =>
      Number(
        text
          .split("\n")
          .find((one) => one.startsWith(`${line} `))
          ?.split(" ")[1],
      );
    const route = (path: string, status: number) =>
      countOf(`assay_gateway_requests_total{route="${path}",status="${status}"}`);
    expect(route("/v1/chat/completions", 200)).toBeGreaterThan(1);
    expect(route("/v1/receipts/{id}", 404)).toBeGreaterThan(0);
    expect(countOf('assay_gateway_answers_total{verified="true"}')).toBeGreaterThan(1);
    expect(countOf("assay_gateway_time_to_first_token_seconds_count")).toBeGreaterThan(1);
    expect(countOf("assay_gateway_workers")).toBe(1);
    expect(countOf("assay_gateway_running_orders")).toBe(0);
  });

  test("its OpenAPI description has each route that is served, and no other", async () => {
    const { body } = await getJson("/openapi.json");
    const { openapi, paths } = body as {
      readonly openapi: string;
      readonly paths: Record<string, Record<string, object>>;
    };
    expect(openapi).toBe("3.1.0");
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const served = ROUTES.map(([method, path]) => `${method} ${path}`);
    expect(described.toSorted()).toEqual(served.toSorted());
    expect(paths["/v1/chat/completions"]).toMatchObject({
      post: {
        requestBody: {
          content: {
            "application/json": {
              schema: { properties: { messages: {}, stop: {}, n: {}, logprobs: {} } },
            },
          },
        },
      },
    });
  });
});

describe("keys", () => {
  const KEY = "a key of some length";

  test("where there are some, each request under /v1 needs one", async () => {
    const locked = await stage.gateway("locked", { apiKeys: ["another key", KEY] });
    const ask = (authorization?: string) =>
      fetch(`${locked.url}/v1/models`, {
        headers: authorization === undefined ? {} : { authorization },
      });
    for (const [header, code] of [
      [undefined, "missing_api_key"],
      ["Bearer wrong", "invalid_api_key"],
      [`Basic ${KEY}`, "missing_api_key"],
      [`Bearer ${KEY} `, undefined],
      [`Bearer ${KEY}x`, "invalid_api_key"],
      [`Bearer ${KEY}`, undefined],
    ] as const) {
      const response = await ask(header);
      expect([header, response.status]).toEqual([header, code === undefined ? 200 : 401]);
      if (code !== undefined) expect(await response.json()).toMatchObject({ error: { code } });
    }
    expect((await fetch(`${locked.url}/healthz`)).status).toBe(200);
    const keyed = new OpenAI({ baseURL: `${locked.url}/v1`, apiKey: KEY, maxRetries: 0 });
    expect((await keyed.models.list()).data).toHaveLength(1);
  });

  test("without any, a gateway listens on this machine only", async () => {
    await expect(stage.gateway("open", { host: "0.0.0.0" })).rejects.toThrow(
      /will not listen on 0\.0\.0\.0 without API keys/,
    );
  });
});
