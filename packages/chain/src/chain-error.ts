import { CodedError } from "@assay/wire";

/** What can go wrong between a role and the chain; `detail.code` is stable. */
export type ChainErrorDetail =
  | { readonly code: "CHAIN_BINARY_MISSING"; readonly platform: string }
  | { readonly code: "CHAIN_NOT_STARTED"; readonly waitedMs: number; readonly output: string }
  | { readonly code: "CHAIN_UNREACHABLE"; readonly rpc: string }
  | { readonly code: "CHAIN_WRONG_ID"; readonly expected: number; readonly actual: number }
  | { readonly code: "CHAIN_DEVELOPMENT_KEY"; readonly chainId: number; readonly address: string }
  | {
      readonly code: "CHAIN_FUNDS";
      readonly address: string;
      readonly chainId: number;
      /** The ERC-20's address; null for the chain's own coin, which fees are paid in. */
      readonly token: string | null;
      readonly needed: bigint;
      readonly held: bigint;
    }
  | { readonly code: "CHAIN_REVERTED"; readonly action: string; readonly reason: string }
  | { readonly code: "CHAIN_NOT_INCLUDED"; readonly action: string; readonly hash: string }
  | { readonly code: "CHAIN_BLOCK_TIME"; readonly chainId: number }
  | { readonly code: "CHAIN_TOKEN"; readonly token: string; readonly problem: string }
  | { readonly code: "CHAIN_NETWORK_FILE"; readonly field: string; readonly problem: string };

/** Thrown by this package for every failure that a caller can act on. */
export class ChainError extends CodedError<ChainErrorDetail> {
  constructor(detail: ChainErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: ChainErrorDetail): string {
  switch (detail.code) {
    case "CHAIN_BINARY_MISSING":
      return `the development chain (anvil) has no binary for ${detail.platform}; install it (npm install @foundry-rs/anvil) or use a network file with an RPC of your own`;
    case "CHAIN_NOT_STARTED":
      return `the development chain did not answer within ${detail.waitedMs} ms; it said: ${detail.output || "nothing"}`;
    case "CHAIN_UNREACHABLE":
      return `no chain answers at ${detail.rpc}; is it up, and is that its JSON-RPC?`;
    case "CHAIN_WRONG_ID":
      return `the RPC serves chain ${detail.actual}, the network file is for chain ${detail.expected}; check the URL`;
    case "CHAIN_DEVELOPMENT_KEY":
      return `${detail.address} is a well-known development key and everybody holds it; it is refused on chain ${detail.chainId}. Use a key of your own`;
    case "CHAIN_FUNDS": {
      const { address, chainId, token, needed, held } = detail;
      const what = token === null ? "wei, for fees" : `base units of the token ${token}`;
      return `${address} holds ${held} of the ${needed} ${what} that this takes on chain ${chainId}; send them there, then try again`;
    }
    case "CHAIN_REVERTED":
      return `${detail.action} was refused by the contract: ${detail.reason}`;
    case "CHAIN_NOT_INCLUDED":
      return `${detail.action} was sent in transaction ${detail.hash}, and the chain does not know it any more: it was dropped, or another one took its place`;
    case "CHAIN_BLOCK_TIME":
      return `the last blocks of chain ${detail.chainId} do not tell how long the next will take; say it with --block-seconds`;
    case "CHAIN_TOKEN":
      return `the token ${detail.token} ${detail.problem}`;
    case "CHAIN_NETWORK_FILE":
      return `network file: ${detail.field} ${detail.problem}`;
  }
}
