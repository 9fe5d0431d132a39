/** The gateway's HTTP API, through OpenAI's own client. */

import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:http";
import { type ChainClient, followCourt } from "@assay/chain";
import { type ClientModel, connect, openModel } from "@assay/sdk";
import { bytesToHex, receiptHash } from "@assay/wire";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gateway } from "../src/gateway/gateway.ts";
import { startVerifier } from "../src/verifier/verifier.ts";
import { DEMO_PATH, demoModel } from "./support/demo.ts";
import { eventually } from "./support/eventually.ts";
import { testFolder } from "./support/folder.ts";
import { addressNamed } from "./support/keys.ts";
import { roleOptions } from "./support/players.ts";
import { funded, openStage, ready, registerDemo, type Stage } from "./support/roles.ts";
import { startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let reader: ChainClient;
let stage: Stage;
let gateway: Gateway;
let openai: OpenAI;
let model: ClientModel;

const clientOf = ({ url }: Gateway): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });

beforeAll(async () => {
  // Five seconds: a cheater must not be paid before a verifier that comes late has looked.
  chain = await startTestChain({
    windowBlocks: 100n,
    withdrawBlocks: 600n,
    unbondingBlocks: 1_000n,
  });
  reader = await registerDemo(chain);
  stage = openStage(chain);
  gateway = await stage.gateway("gateway");
  await stage.worker("worker", gateway, { slots: 1 });
  await ready(gateway);
  openai = clientOf(gateway);
  model = openModel(new Uint8Array(readFileSync(DEMO_PATH)));
}, 60_000);

afterAll(async () => {
  await stage.stop();
  await chain.stop();
});

const messages = [{ role: "user" as const, content: "What is 20 + 22?" }];
const chat = { model: "demo", messages, max_tokens: 12 };
const JSON_BODY = { "content-type": "application/json" };

interface AssayPart {
  readonly receipt_id: string;
  readonly receipt: string;
  readonly worker: string;
  readonly verified_by_gateway: boolean;
  readonly rejected: readonly { readonly worker: string; readonly reason: string }[];
}

function assayOf(completion: object): AssayPart {
  const part: unknown = Reflect.get(completion, "assay");
  expect(part).toMatchObject({ receipt: expect.any(String), rejected: expect.any(Array) });
  return part as AssayPart;
}

const bytesOf = ({ receipt }: AssayPart): Uint8Array =>
  new Uint8Array(Buffer.from(receipt, "base64"));

/** The client's own verdict on what it asked. */
const verdictOn = (part: AssayPart) =>
  model.verify(bytesOf(part), {
    pinnedRoot: demoModel().root,
    expected: {
      chainId: reader.domain.chainId,
      settlement: reader.domain.settlement,
      prompt: model.chat.renderPrompt(messages),
      maxTokens: 12,
    },
  });

const hexAddress = (name: string): string => `0x${bytesToHex(addressNamed(name))}`;

describe("an answer", () => {
  test("comes whole, with usage and a receipt that the client verifies", async () => {
    const { data, response } = await openai.chat.completions.create(chat).withResponse();
    const part = assayOf(data);
    const verdict = verdictOn(part);
    expect(verdict.checks.filter(({ status }) => status !== "PASS")).toEqual([]);
    const { file } = verdict;
    expect(data.usage).toEqual({
      prompt_tokens: file?.prompt.length,
      completion_tokens: file?.output.length,
      total_tokens: (file?.prompt.length ?? 0) + (file?.output.length ?? 0),
    });
    expect(data.choices[0]?.message).toMatchObject({ role: "assistant" });
    expect(data).toMatchObject({ object: "chat.completion", model: "demo" });
    const id = response.headers.get("x-receipt-id");
    expect(id).toBe(part.receipt_id);
    expect(id).toBe(file && `0x${bytesToHex(receiptHash(file.receipt))}`);
    for (const name of [id, id?.slice(2)]) {
      const stored = await fetch(`${gateway.url}/v1/receipts/${name}`);
      expect(new Uint8Array(await stored.arrayBuffer())).toEqual(bytesOf(part));
    }
  });

  test.each(["verified", "live"])(
    "streams (%s) the same text, the receipt last",
    async (deliver) => {
      const whole = await openai.chat.completions.create(chat);
      const streaming = { ...chat, stream: true as const, deliver };
      const chunks = [];
      for await (const chunk of await openai.chat.completions.create(streaming)) chunks.push(chunk);
      const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
      expect(text).toBe(whole.choices[0]?.message.content);
      const last = chunks.at(-1);
      if (last === undefined) throw new Error("no chunk");
      expect(last.choices).toEqual([]);
      expect(last.usage).toEqual(whole.usage);
      expect(verdictOn(assayOf(last)).ok).toBe(true);
      expect(chunks.filter(({ usage }) => usage)).toHaveLength(1);
      expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    },
  );

  test("ends its stream with [DONE], and nothing after it", async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: JSON_BODY,
      body: JSON.stringify({ ...chat, stream: true }),
    });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = (await response.text()).trimEnd().split("\n\n");
    expect(events.at(-1)).toBe("data: [DONE]");
    expect(events.at(-2)).toContain('"receipt_id"');
    expect(events.every((event) => event.startsWith("data: "))).toBe(true);
  });

  test("with an explicit seed is the same again, under another receipt", async () => {
    const seeded = { ...chat, temperature: 1.5, top_p: 0.9, seed: 7 };
    const [a, b] = [
      await openai.chat.completions.create(seeded),
      await openai.chat.completions.create(seeded),
    ];
    expect(a.choices[0]?.message.content).toBe(b.choices[0]?.message.content);
    expect(assayOf(a).receipt_id).not.toBe(assayOf(b).receipt_id);
    expect(verdictOn(assayOf(a)).file?.order).toMatchObject({
      seedSource: 1,
      clientSeed: 7n,
      invTemperature: 683,
      topP: 58_982,
    });
  });

  test("can be asked for by the program's root, which /v1/models tells", async () => {
    const root = `0x${bytesToHex(demoModel().root)}`;
    const { data } = await openai.models.list();
    expect(data).toEqual([expect.objectContaining({ id: "demo", program_root: root })]);
    const answer = await openai.chat.completions.create({ ...chat, model: root });
    expect(verdictOn(assayOf(answer)).ok).toBe(true);
  });

  test("that a client no longer wants frees its worker", async () => {
    const long = { ...chat, max_tokens: 400, temperature: 2, stream: true as const };
    for (let i = 0; i < 3; i++) {
      const stream = await openai.chat.completions.create({
        ...long,
        deliver: "live",
      } as typeof long);
      for await (const _chunk of stream) break;
      stream.controller.abort();
    }
    // The worker has one slot.
    const after = await eventually("the slot is free", () =>
      openai.chat.completions.create(chat).catch(() => undefined),
    );
    expect(verdictOn(assayOf(after)).ok).toBe(true);
  });

  test("longer than the context has room for is cut there, and the client's verdict knows", async () => {
    const connection = await connect({
      network: { ...chain.network, gateway: gateway.url },
      loadProgram: async () => new Uint8Array(readFileSync(DEMO_PATH)),
    });
    const answer = await connection.ask({ model: "demo", messages, maxTokens: 100_000 });
    expect(answer.verdict.checks.filter(({ status }) => status !== "PASS")).toEqual([]);
  });
});

/** One request on a connection of its own, with headers that fetch would not send. */
function send(
  path: string,
  options: RequestOptions,
  body = "",
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, agent: false, ...options }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, body: text }));
    });
    sent.on("error", reject);
    for (let at = 0; at < body.length; at += 65_536) sent.write(body.slice(at, at + 65_536));
    sent.end();
  });
}

describe("errors are OpenAI's", () => {
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => {
        throw new Error("it was answered");
      },
      (error: unknown) => error,
    );

  test.each([
    ["a model nobody knows", { model: "gpt-5" }, 404, "model_not_found", "model"],
    ["nine answers", { n: 9 }, 400, "invalid_request", "n"],
    ["an empty stop word", { stop: [""] }, 400, "invalid_request", "stop.0"],
    ["no message", { messages: [] }, 400, "invalid_request", "messages"],
    ["a token limit of 0", { max_tokens: 0 }, 400, "invalid_request", "max_tokens"],
    [
      "more than the context",
      { messages: [{ role: "user" as const, content: "word ".repeat(3_000) }] },
      400,
      "context_length_exceeded",
      "messages",
    ],
  ])("%s", async (_what, change, status, code, param) => {
    for (const stream of [false, true]) {
      const asked = openai.chat.completions.create({ ...chat, ...change, stream });
      expect(await failure(asked)).toMatchObject({
        status,
        code,
        param,
        type: "invalid_request_error",
      });
    }
  });

  const post = (body: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers: JSON_BODY, body });

  test.each(["", "{", "[1,", "null", '"text"'])("the body %j", async (body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.any(String), type: "invalid_request_error" },
    });
  });

  test.each(["announced", "in chunks"])("a body that is too large, %s", async (how) => {
    const large = JSON.stringify({ ...chat, user: "x".repeat(1_100_000) });
    const length = how === "announced" ? { "content-length": large.length } : {};
    const headers = { ...JSON_BODY, ...length };
    const { status, body } = await send("/v1/chat/completions", { method: "POST", headers }, large);
    expect(status).toBe(413);
    expect(JSON.parse(body)).toMatchObject({ error: { code: "body_too_large" } });
  });

  test.each(["evil.example", "evil.example:80", "127.0.0.1"])(
    "the Host header %j, which another site's page would send",
    async (host) => {
      const { status, body } = await send("/v1/models", { headers: { host } });
      expect(status).toBe(421);
      expect(JSON.parse(body)).toMatchObject({ error: { code: "host_not_served" } });
    },
  );

  test.each(["http://evil.example", "https://127.0.0.1:1", "null"])(
    "the Origin %j, of another site's page",
    async (origin) => {
      const { status, body } = await send("/v1/models", { headers: { origin } });
      expect(status).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ error: { code: "foreign_origin" } });
    },
  );

  test("but a page of the gateway's own may ask", async () => {
    const { status } = await send("/v1/models", { headers: { origin: gateway.url } });
    expect(status).toBe(200);
  });

  test.each(["text/plain", "application/jsonp", "application/x-www-form-urlencoded", undefined])(
    "a body of the type %j",
    async (type) => {
      const headers = type === undefined ? {} : { "content-type": type };
      const path = "/v1/chat/completions";
      const { status, body } = await send(path, { method: "POST", headers }, JSON.stringify(chat));
      expect(status).toBe(415);
      expect(JSON.parse(body)).toMatchObject({ error: { code: "unsupported_media_type" } });
    },
  );

  test.each([
    ["GET", "/v1/nothing"],
    ["GET", "/v1/receipts/12"],
    ["GET", `/v1/receipts/0x${"00".repeat(32)}`],
    ["GET", "/v1/receipts/..%2f..%2fkey"],
    ["DELETE", "/v1/models"],
  ])("%s %s is not found", async (method, path) => {
    const response = await fetch(`${gateway.url}${path}`, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  });
});

/** A gateway with one honest and one cheating worker; which one is asked first is chance. */
async function withCheater(name: string): Promise<Gateway> {
  const [honest, cheater] = [`honest at ${name}`, `cheater at ${name}`];
  const own = await stage.gateway(name);
  await Promise.all([stage.worker(honest, own), stage.worker(cheater, own, { cheat: "weights" })]);
  await funded(reader, addressNamed(name), [addressNamed(honest), addressNamed(cheater)]);
  await ready(own);
  return own;
}

const MAX_ASKS = 30;

describe("a cheating worker", () => {
  test("is not heard by default: another answers, the cheater is named and brought to court", async () => {
    const own = await withCheater("default");
    for (let asks = 0; ; asks++) {
      const part = assayOf(await clientOf(own).chat.completions.create(chat));
      expect(verdictOn(part).ok).toBe(true);
      expect(part.worker).toBe(hexAddress("honest at default"));
      if (part.rejected.length > 0) {
        const reason = expect.stringMatching(/^(tokens|trace)/);
        const worker = hexAddress("cheater at default");
        expect(part.rejected).toEqual([expect.objectContaining({ worker, reason })]);
        break;
      }
      if (asks === MAX_ASKS) throw new Error("the cheater was never asked");
    }
    const after = assayOf(await clientOf(own).chat.completions.create(chat));
    expect(after.rejected).toEqual([]);
    // A verifier that comes only now hears of it, too.
    await chain.party("late verifier");
    const network = { ...chain.network, bootstrap: [...own.addresses] };
    const verifier = await startVerifier(roleOptions("late verifier", network, testFolder()));
    const watching = new AbortController();
    try {
      const challenged: Uint8Array[] = [];
      const following = followCourt(reader, {
        fromBlock: 0n,
        onEvent: (event) => {
          if (event.kind === "challenged") challenged.push(event.worker);
        },
        signal: watching.signal,
      });
      await eventually("the cheater is challenged", () => challenged.length > 0);
      expect(challenged).toEqual([addressNamed("cheater at default")]);
      watching.abort();
      await following;
    } finally {
      watching.abort();
      await verifier.stop();
    }
  }, 60_000);

  test("is seen live, and the client's own verdict says so; the next ask is answered", async () => {
    const own = await withCheater("live");
    const connection = await connect({
      network: { ...chain.network, gateway: own.url },
      loadProgram: async () => new Uint8Array(readFileSync(DEMO_PATH)),
    });
    const ask = () => {
      let heard = "";
      const onText = (text: string): void => {
        heard += text;
      };
      return connection
        .ask({ model: "demo", messages, maxTokens: 12, onText })
        .then((answer) => ({ ...answer, heard }));
    };
    for (let asks = 0; ; asks++) {
      const { verdict, heard, text } = await ask();
      expect(heard).toBe(text);
      if (!verdict.ok) {
        expect(verdict.reason).toMatch(/^(TOKEN|TRACE)_WRONG$/);
        expect(verdict.file?.order.worker).toEqual(addressNamed("cheater at live"));
        break;
      }
      if (asks === MAX_ASKS) throw new Error("the cheater was never asked");
    }
    for (let i = 0; i < 4; i++) expect((await ask()).verdict.ok).toBe(true);
  }, 60_000);
});

test("a gateway without a worker is healthy, and not ready", async () => {
  const alone = await stage.gateway("alone");
  expect((await fetch(`${alone.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${alone.url}/healthz`)).status).toBe(200);
});
