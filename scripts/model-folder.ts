/** A model folder in Hugging Face layout, with the samples that the quantiser and its measurement read. */

import { readFileSync } from "node:fs";
import { type ChatMessage, encodeChat } from "@assay/model/chat";
import { readChatTemplate, readLlama } from "@assay/model/huggingface";
import type { LlamaModel } from "@assay/model/quantiser";
import { createTokenizer, type Tokenizer } from "@assay/model/tokenizer";
import { readJson } from "./repository.ts";

interface Calibration {
  readonly dialogues: readonly (readonly ChatMessage[])[];
  readonly passages: readonly string[];
}

interface HeldOut {
  readonly dialogues: readonly {
    readonly messages: readonly ChatMessage[];
    readonly answer: string;
  }[];
  readonly text: string;
}

export interface ModelFolder {
  readonly model: LlamaModel;
  readonly tokenizer: Tokenizer;
  /** The bytes of tokenizer.json. */
  readonly tokenizerFile: Uint8Array;
  readonly template: string;
  /** Token sequences that the quantiser chooses ranges on. */
  readonly calibration: readonly number[][];
  /** Token sequences that neither training nor calibration saw. */
  readonly heldOut: { readonly dialogues: readonly number[][]; readonly text: readonly number[][] };
}

/** Positions of a window of plain text. */
const WINDOW = 256;

function windows(tokens: readonly number[]): number[][] {
  return Array.from({ length: Math.floor(tokens.length / WINDOW) }, (_, i) =>
    tokens.slice(i * WINDOW, (i + 1) * WINDOW),
  );
}

/** Reads the folder at `path`, relative to the repository's root. */
export function readModelFolder(path: string): ModelFolder {
  const text = (name: string) => readFileSync(`${path}/${name}`, "utf8");
  const tokenizerFile = readFileSync(`${path}/tokenizer.json`);
  const tokenizer = createTokenizer(tokenizerFile);
  const template = readChatTemplate(text("tokenizer_config.json"));
  const dialogue = (messages: readonly ChatMessage[]) =>
    encodeChat(tokenizer, template, messages, { addGenerationPrompt: false });
  const { dialogues, passages } = readJson<Calibration>(`${path}/calibration.json`);
  const heldOut = readJson<HeldOut>(`${path}/heldout.json`);
  return {
    model: readLlama(text("config.json"), readFileSync(`${path}/model.safetensors`)),
    tokenizer,
    tokenizerFile,
    template,
    calibration: [
      ...dialogues.map(dialogue),
      ...passages.map((passage) => tokenizer.encode(passage)),
    ],
    heldOut: {
      dialogues: heldOut.dialogues.map(({ messages, answer }) =>
        dialogue([...messages, { role: "assistant", content: answer }]),
      ),
      text: windows(tokenizer.encode(heldOut.text)),
    },
  };
}
