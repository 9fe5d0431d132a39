import { describe, expect, test } from "vitest";
import { parseChatRequest } from "../src/gateway/http/chat-request.ts";
import { samplingOf } from "../src/gateway/http/sampling-request.ts";

const messages = [{ role: "user", content: "hello" }];
const body = (change: object = {}) => ({ model: "demo", messages, ...change });
const long = (length: number): string => "x".repeat(length);
const repeated = (count: number) => new Array(count).fill(messages[0]);

function accepted(change: object = {}) {
  const parsed = parseChatRequest(body(change));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.request;
}

describe("what is taken", () => {
  test.each([
    ["the least there is", {}],
    ["every role", { messages: ["system", "developer", "user", "assistant"].map(withRole) }],
    ["a name of 256 characters", { model: long(256) }],
    ["256 messages", { messages: repeated(256) }],
    ["a message of 65536 characters", { messages: [{ role: "user", content: long(65_536) }] }],
    ["the fields that ask for nothing", { n: 1, stop: null, tools: [], logit_bias: {} }],
    ["nulls for what is not set", { temperature: null, top_p: null, seed: null, n: null }],
    ["penalties of zero", { presence_penalty: 0, frequency_penalty: 0, logprobs: false }],
    ["text as the format", { response_format: { type: "text" } }],
    ["the ends of the ranges", { temperature: 2, top_p: 1, seed: 0, max_tokens: 1 }],
    ["the largest whole seed", { seed: Number.MAX_SAFE_INTEGER }],
  ])("%s", (_what, change) => {
    expect(parseChatRequest(body(change))).toMatchObject({ ok: true });
  });

  test("parts of a message are one text", () => {
    const parts = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];
    expect(accepted({ messages: [{ role: "user", content: parts }] }).messages).toEqual([
      { role: "user", content: "ab" },
    ]);
  });
});

function withRole(role: string) {
  return { role, content: "x" };
}

describe("what is refused, and by which name", () => {
  test.each([
    ["model", { model: "" }],
    ["model", { model: long(257) }],
    ["model", { model: 7 }],
    ["messages", { messages: [] }],
    ["messages", { messages: repeated(257) }],
    ["messages.0.content", { messages: [{ role: "user", content: long(65_537) }] }],
    ["messages.0.role", { messages: [{ role: "tool", content: "x" }] }],
    ["temperature", { temperature: -0.1 }],
    ["temperature", { temperature: 0.01 }],
    ["temperature", { temperature: 2.1 }],
    ["top_p", { top_p: 0 }],
    ["top_p", { top_p: 1.01 }],
    ["seed", { seed: -1 }],
    ["seed", { seed: 1.5 }],
    ["seed", { seed: 2 ** 53 }],
    ["max_tokens", { max_tokens: 0 }],
    ["max_completion_tokens", { max_completion_tokens: 1.5 }],
    ["deliver", { deliver: "whenever" }],
    ["stream", { stream: "yes" }],
    ["n", { n: 0 }],
    ["n", { n: 9 }],
    ["stop", { stop: "" }],
    ["stop", { stop: ["a", "b", "c", "d", "e"] }],
    ["tools", { tools: [{ type: "function" }] }],
    ["functions", { functions: [{}] }],
    ["response_format", { response_format: { type: "json_object" } }],
    ["logprobs", { logprobs: 3 }],
    ["top_logprobs", { top_logprobs: 21 }],
    ["store", { store: true }],
    ["presence_penalty", { presence_penalty: 0.5 }],
    ["frequency_penalty", { frequency_penalty: -0.5 }],
    ["logit_bias", { logit_bias: { 50: 100 } }],
  ])("%s: %j", (param, change) => {
    const parsed = parseChatRequest(body(change));
    if (parsed.ok) throw new Error("it was taken");
    expect(parsed.param?.startsWith(param)).toBe(true);
    expect(parsed.message).toContain(param.split(".")[0]);
  });

  test("what is not supported is told apart from what is wrong", () => {
    const parsed = parseChatRequest(body({ presence_penalty: 1 }));
    expect(parsed).toMatchObject({ ok: false, message: expect.stringContaining("not supported") });
  });

  test.each([[null], [undefined], ["text"], [[]], [7], [{}]])("%j is no request", (value) => {
    expect(parseChatRequest(value)).toMatchObject({ ok: false });
  });
});

describe("sampling integers (spec/01 §1.5.16)", () => {
  test.each([
    [{}, { invTemperature: 0, topP: 65_536 }],
    [
      { temperature: 0, top_p: 0.5 },
      { invTemperature: 0, topP: 65_536 },
    ],
    [{ temperature: 1 }, { invTemperature: 1_024, topP: 65_536 }],
    [
      { temperature: 2, top_p: 0.5 },
      { invTemperature: 512, topP: 32_768 },
    ],
    [
      { temperature: 0.7, top_p: 0.9 },
      { invTemperature: 1_463, topP: 58_982 },
    ],
    // 1024 / 0.0625 = 16384, one more than the order holds.
    [{ temperature: 0.0625 }, { invTemperature: 16_383, topP: 65_536 }],
    [
      { temperature: 1, top_p: 1e-9 },
      { invTemperature: 1_024, topP: 1 },
    ],
  ])("%j", (request, expected) => {
    expect(samplingOf(accepted(request))).toEqual(expected);
  });
});
