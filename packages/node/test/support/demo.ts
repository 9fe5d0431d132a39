/** The demo model: real, small, and the subject of no assertion about what it says. */

import { fileURLToPath } from "node:url";
import { createChatModel } from "@assay/model/chat";
import { type LoadedModel, loadModels } from "../../src/models.ts";

export const DEMO_PATH = fileURLToPath(
  new URL("../../../../models/demo/demo.assay", import.meta.url),
);

let loaded: ReadonlyMap<string, LoadedModel> | undefined;

/** Loaded once for each test file. */
export function demoModels(): ReadonlyMap<string, LoadedModel> {
  loaded ??= loadModels([DEMO_PATH]);
  return loaded;
}

export function demoModel(): LoadedModel {
  for (const model of demoModels().values()) return model;
  throw new Error("the demo model is not there");
}

export const demoPrompt = (question: string): readonly number[] =>
  createChatModel(demoModel().program).renderPrompt([{ role: "user", content: question }]);
