/** Makes networks: deploys contracts to any EVM chain, and runs the embedded development chain. Node only. */

// biome-ignore lint/performance/noBarrelFile: the entry point of the subpath export
export {
  type ChainSurvey,
  contractsId,
  DEVELOPMENT_TERMS,
  type DeployOptions,
  deployContracts,
  type Funding,
  fund,
  surveyChain,
  type Terms,
  type TermsWish,
  TOKEN,
  termsFor,
} from "./deploy.ts";
export {
  type DevelopmentChain,
  type DevelopmentChainOptions,
  startDevelopmentChain,
} from "./development-chain.ts";
export { DEVELOPMENT_CHAIN_ID, FAUCET_KEY } from "./development-keys.ts";
export { freePort } from "./free-port.ts";
