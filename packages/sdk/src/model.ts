/** A model that the client holds itself: what it verifies with is not the gateway's. */

import { createEngine, type Engine, replay } from "@assay/engine";
import { checkProgram, decodeProgram, type Program, programRoot } from "@assay/model";
import { type ChatModel, createChatModel } from "@assay/model/chat";
import { type Expected, type Verdict, verify } from "@assay/verifier";
import { SdkError } from "./sdk-error.ts";

export interface ClientModel {
  readonly root: Uint8Array;
  readonly program: Program;
  readonly chat: ChatModel;
  /** Re-executes and compares: the verdict is computed here. */
  verify(file: Uint8Array, options?: VerifyOptions): Verdict;
}

export interface VerifyOptions {
  readonly pinnedRoot?: Uint8Array;
  readonly expected?: Expected;
  readonly now?: bigint;
}

/** @throws {SdkError} `SDK_PROGRAM_INVALID` */
export function openModel(bytes: Uint8Array): ClientModel {
  const program = decodeProgram(bytes);
  const checked = checkProgram(program);
  if (!checked.ok) throw new SdkError({ code: "SDK_PROGRAM_INVALID", reason: checked.message });
  const root = programRoot(program);
  let engine: Engine | undefined;
  return {
    root,
    program,
    chat: createChatModel(program),
    verify: (file, options = {}) =>
      verify(
        file,
        {
          program: {
            root,
            context: program.context,
            vocab: program.vocab,
            endTokens: program.endTokens,
          },
          ...options,
        },
        (task) => {
          engine ??= createEngine(program);
          return replay(engine, task);
        },
      ),
  };
}
