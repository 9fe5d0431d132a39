/**
 * Chain: contract bindings and events, in Node and in browsers; `@assay/chain/deployment` makes networks, in Node.
 *
 * Does not own: what is worth paying for (verifier), keys at rest (node).
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { ChainError, type ChainErrorDetail } from "./chain-error.ts";
export {
  type ChainClient,
  connectChain,
  type SignedReceipt,
  type Transaction,
} from "./client.ts";
export { type CourtEvent, type FollowCourtOptions, followCourt } from "./court-events.ts";
export { toHex } from "./hex.ts";
export {
  type Address,
  CONTRACT_NAMES,
  type ContractName,
  formatNetworkFile,
  type NetworkFile,
  parseNetworkFile,
} from "./network-file.ts";
export {
  findPayment,
  type PaidOrder,
  type Payment,
  paidTowards,
  paymentsBetween,
} from "./payment.ts";
export {
  type FollowPublicationsOptions,
  followPublications,
  type PublishedReceipt,
} from "./publications.ts";
export {
  availableIn,
  type Batch,
  type ChainReader,
  type Channel,
  openChain,
  pollMsOf,
  type SignedVoucher,
} from "./reader.ts";
