/**
 * Node: the worker, verifier and gateway services; scheduling, store and networking.
 *
 * Each service is an entry point of its own (`@assay/node/worker`, `/verifier`, `/gateway`), so that a
 * process loads only what it runs.
 *
 * Does not own: the rules it applies (wire, verifier, contracts), how a person starts it (cli).
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { contractsId, startDevelopmentChain } from "@assay/chain/deployment";
export { addressOf as addressOfKey } from "@assay/wire";
export { loadOrCreateKey } from "./keys.ts";
export { createLogger, type Logger } from "./logger.ts";
export { programRootOfFile } from "./models.ts";
export { serveParent } from "./network/child.ts";
export {
  type Account,
  accountOn,
  type DeployedNetwork,
  deployNetwork,
  send,
} from "./network/deploy-network.ts";
export { assayHome, privateDirectory } from "./network/home.ts";
export {
  type LocalModel,
  type LocalNetwork,
  type LocalNetworkOptions,
  startLocalNetwork,
} from "./network/local.ts";
export { loadNetwork, readNetworkFile } from "./network/network-file.ts";
export type { Role, RoleOptions } from "./role.ts";
export { CHEATS, type Cheat, isCheat } from "./worker/cheats.ts";
