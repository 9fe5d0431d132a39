/** A model that the client holds itself: what it verifies with is not the gateway's. */

import { createEngine, hashing, replay } from "@assay/engine";
import { decodeProgram, type Program, programRoot } from "@assay/model";
import { type ChatModel, createChatModel } from "@assay/model/chat";
import { type Check, type Expected, type Verdict, verify } from "@assay/verifier";

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
  readonly onCheck?: (check: Check) => void;
}

/** @throws if the bytes are no program, or one that `checkProgram` refuses */
export function openModel(bytes: Uint8Array): ClientModel {
  const program = decodeProgram(bytes);
  const engine = createEngine(program);
  const root = programRoot(program, hashing());
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
        (task) => replay(engine, task),
      ),
  };
}
