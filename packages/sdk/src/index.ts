/**
 * SDK: the client library, in Node and browsers: asks, and checks what comes back by itself.
 *
 * Does not own: starting networks (node), files and terminals (cli).
 *
 * @module
 */

export type { CourtEvent, NetworkFile, Payment } from "@assay/chain";
export type { Answer, Question, RejectedAttempt } from "./ask.ts";
export type { CheckedChoice } from "./check-choices.ts";
// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export {
  type Connection,
  type ConnectOptions,
  connect,
  type PaidOptions,
  type WatchOptions,
} from "./connect.ts";
export { type ClientModel, openModel, type VerifyOptions } from "./model.ts";
export { SdkError, type SdkErrorDetail } from "./sdk-error.ts";
export { type VerifyingFetchOptions, verifyingFetch } from "./verifying-fetch.ts";
