/**
 * Node: the worker, verifier and gateway services; scheduling, store and networking.
 *
 * Does not own: the rules it applies (wire, verifier, contracts), how a person starts it (cli).
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { type Gateway, type GatewayOptions, startGateway } from "./gateway/gateway.ts";
export { loadOrCreateKey } from "./keys.ts";
export { createLogger, type Logger } from "./logger.ts";
export { programRootOfFile } from "./models.ts";
export { serveParent } from "./network/child.ts";
export { assayHome, privateDirectory } from "./network/home.ts";
export {
  type LocalModel,
  type LocalNetwork,
  type LocalNetworkOptions,
  startLocalNetwork,
} from "./network/local.ts";
export { loadNetwork, readNetworkFile } from "./network/network-file.ts";
export type { Role, RoleOptions } from "./role.ts";
export { startVerifier } from "./verifier/verifier.ts";
export { CHEATS, type Cheat, isCheat } from "./worker/cheats.ts";
export { startWorker, type WorkerOptions } from "./worker/worker.ts";
