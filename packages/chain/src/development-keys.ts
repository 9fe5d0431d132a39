/**
 * The accounts that every development chain funds. Everybody knows their keys: they derive from the
 * phrase "test test test test test test test test test test test junk" (BIP-44, m/44'/60'/0'/0/i).
 */

import { bytesToHex, hexToBytes } from "@assay/wire";
import { ChainError } from "./chain-error.ts";

/** Chain id of every development chain. */
export const DEVELOPMENT_CHAIN_ID = 31_337;

/** Key of account 0: deploys the contracts and hands out test tokens, on the development chain only. */
export const FAUCET_KEY: Uint8Array = hexToBytes(
  "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
);

const ADDRESSES: ReadonlySet<string> = new Set([
  "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  "70997970c51812dc3a010c7d01b50e0d17dc79c8",
  "3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
  "90f79bf6eb2c4f870365e785982e1f101e93b906",
  "15d34aaf54267db7d7c367839aaf71a00a2c6a65",
  "9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
  "976ea74026e726554db657fa54763abd0c3a0aa9",
  "14dc79964da2c08b23698b3d3cc7ca32193d9955",
  "23618e81e3f5cdf7f54c3d65f7fbc0abe8f21e8f",
  "a0ee7a142d267c1f36714e4a8f75612f20a79720",
]);

/** @throws {ChainError} `CHAIN_DEVELOPMENT_KEY` for an account whose key everybody holds, where money may be real */
export function refuseDevelopmentKey(chainId: number, address: Uint8Array): void {
  const hex = bytesToHex(address);
  if (chainId === DEVELOPMENT_CHAIN_ID || !ADDRESSES.has(hex)) return;
  throw new ChainError({ code: "CHAIN_DEVELOPMENT_KEY", chainId, address: `0x${hex}` });
}
