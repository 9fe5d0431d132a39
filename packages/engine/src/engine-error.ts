import { CodedError } from "@assay/wire";

/** One member per thing the engine refuses. Whoever gets one finds the session as it was before the call. */
export type EngineErrorDetail =
  /** `checkProgram` refuses the program; `check` is its code. */
  | { readonly code: "ENGINE_PROGRAM"; readonly check: string; readonly reason: string }
  /** `length` positions and `added` more do not fit the program's context. */
  | {
      readonly code: "ENGINE_CONTEXT";
      readonly context: number;
      readonly length: number;
      readonly added: number;
    }
  | {
      readonly code: "ENGINE_TOKEN";
      readonly token: number;
      readonly index: number;
      readonly vocab: number;
    }
  /** There is nothing to process, or fewer positions than tokens are to be chosen at. */
  | { readonly code: "ENGINE_TOKEN_COUNT"; readonly tokens: number; readonly least: number }
  /** The number of tokens to choose is not a whole number of at least 1. */
  | { readonly code: "ENGINE_COUNT"; readonly count: number }
  | { readonly code: "ENGINE_MEMORY"; readonly needed: number; readonly limit: number }
  | { readonly code: "ENGINE_SESSION_CLOSED" }
  /** The session at `index` of a batch is another engine's. */
  | { readonly code: "ENGINE_SESSION_FOREIGN"; readonly index: number }
  /** The session at `index` of a batch stands there a second time. */
  | { readonly code: "ENGINE_SESSION_REPEATED"; readonly index: number }
  /** A batch has another number of sessions than of tokens. */
  | { readonly code: "ENGINE_BATCH"; readonly sessions: number; readonly tokens: number }
  /** The session has processed nothing yet. */
  | { readonly code: "ENGINE_NO_POSITION" }
  | {
      readonly code: "ENGINE_SAMPLING";
      readonly invTemperature: number;
      readonly topP: number;
    }
  | { readonly code: "ENGINE_SEED"; readonly length: number };

/** Thrown by everything in this package. */
export class EngineError extends CodedError<EngineErrorDetail> {
  constructor(detail: EngineErrorDetail) {
    super(detail, describe(detail));
  }
}

function describe(detail: EngineErrorDetail): string {
  switch (detail.code) {
    case "ENGINE_PROGRAM":
      return `the program is refused, ${detail.check}: ${detail.reason}`;
    case "ENGINE_CONTEXT":
      return `${detail.length} positions and ${detail.added} more exceed the context of ${detail.context}`;
    case "ENGINE_TOKEN":
      return `token ${detail.token} at index ${detail.index} is not one of the ${detail.vocab} of the vocabulary`;
    case "ENGINE_TOKEN_COUNT":
      return `${detail.tokens} tokens were given where at least ${detail.least} are needed`;
    case "ENGINE_COUNT":
      return `${detail.count} tokens were to be chosen: ask for a whole number of at least 1`;
    case "ENGINE_MEMORY":
      return `${detail.needed} bytes are needed and the limit is ${detail.limit}: close sessions or raise maxMemoryBytes`;
    case "ENGINE_SESSION_CLOSED":
      return "the session is closed";
    case "ENGINE_SESSION_FOREIGN":
      return `the session at index ${detail.index} belongs to another engine`;
    case "ENGINE_SESSION_REPEATED":
      return `the session at index ${detail.index} stands in the batch twice`;
    case "ENGINE_BATCH":
      return `${detail.sessions} sessions were given ${detail.tokens} tokens, not one each`;
    case "ENGINE_NO_POSITION":
      return "the session has processed no position yet: append tokens first";
    case "ENGINE_SAMPLING":
      return `invTemperature ${detail.invTemperature} and topP ${detail.topP} are not within 0 … 16383 and 1 … 65536`;
    case "ENGINE_SEED":
      return `the seed has ${detail.length} bytes, not 32`;
  }
}
