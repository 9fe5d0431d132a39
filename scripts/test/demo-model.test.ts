/** The files of models/demo against each other, and against the oracle that another implementation wrote there. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createEngine } from "@assay/engine";
import { checkProgram, decodeProgram, programRoot } from "@assay/model";
import { type ChatMessage, createChatModel } from "@assay/model/chat";
import { createFloatSession } from "@assay/model/quantiser";
import { bytesToHex } from "@assay/wire";
import { describe, expect, test } from "vitest";
import { readModelFolder } from "../model-folder.ts";
import { readJson } from "../repository.ts";

const FOLDER = "models/demo";

interface Reference {
  readonly prompts: readonly {
    readonly messages: readonly ChatMessage[];
    readonly ids: readonly number[];
    readonly top: readonly { readonly id: number; readonly logit: number }[];
    readonly greedy: readonly number[];
    readonly text: string;
  }[];
}

const { model, tokenizer, tokenizerFile, calibration, heldOut } = readModelFolder(FOLDER);
const { prompts } = readJson<Reference>(`${FOLDER}/reference.json`);
const file = readFileSync(`${FOLDER}/demo.assay`);
const program = decodeProgram(file);
const chat = createChatModel(program);
const engine = createEngine(program);

/** Feeds the prompt and then the tokens of the answer; the likeliest next token after each but the last. */
function greedy(
  feed: (token: number) => ArrayLike<number>,
  prompt: readonly number[],
  count: number,
) {
  const answer: number[] = [];
  let row: ArrayLike<number> = [];
  for (const token of prompt) row = feed(token);
  while (answer.length < count) {
    const logits = Array.from(row);
    const token = logits.indexOf(logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY));
    answer.push(token);
    if (answer.length < count) row = feed(token);
  }
  return answer;
}

describe.each(prompts)("$text", ({ messages, ids, top, greedy: answer, text }) => {
  test("the prompt's tokens, and the answer's text", () => {
    expect(chat.renderPrompt(messages)).toEqual(ids);
    expect(tokenizer.decode(answer)).toBe(text);
  });

  test("the float model's logits and answer", () => {
    const session = createFloatSession(model);
    let row: ArrayLike<number> = [];
    for (const token of ids) row = session.step(token);
    for (const { id, logit } of top) expect(Math.abs((row[id] ?? 0) - logit)).toBeLessThan(1e-3);
    const again = createFloatSession(model);
    expect(greedy((token) => again.step(token), ids, answer.length)).toEqual(answer);
  });

  test("the integer program's answer", () => {
    const session = engine.createSession();
    const feed = (token: number) => {
      session.append([token]);
      return session.logits();
    };
    expect(greedy(feed, ids, answer.length)).toEqual(answer);
    session.close();
  });
});

describe("the program file", () => {
  test("is the one that program.json describes", () => {
    const described = readJson<Record<string, unknown>>(`${FOLDER}/program.json`);
    expect(described).toMatchObject({
      root: bytesToHex(programRoot(program)),
      sha256: createHash("sha256").update(file).digest("hex"),
      context: model.geometry.context,
    });
  });

  test("is accepted, and brings the folder's tokenizer and end tokens", () => {
    expect(checkProgram(program).ok).toBe(true);
    expect(program.endTokens).toEqual(model.endTokens);
    const asset = program.assets.find(({ kind }) => kind === "tokenizer");
    expect(Buffer.compare(Buffer.from(asset?.data ?? []), tokenizerFile)).toBe(0);
  });
});

test("calibration saw none of the held-out dialogues", () => {
  const seen = new Set(calibration.map((tokens) => tokens.join()));
  expect(heldOut.dialogues.length).toBeGreaterThan(100);
  expect(heldOut.dialogues.filter((tokens) => seen.has(tokens.join()))).toEqual([]);
});
