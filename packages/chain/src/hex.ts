import { bytesToHex, hexToBytes } from "@assay/wire";
import type { Hex } from "viem";

/** Bytes as the RPC has them: hexadecimal with 0x. */
export const toHex = (bytes: Uint8Array): Hex => `0x${bytesToHex(bytes)}`;
export const fromHex = (hex: Hex): Uint8Array => hexToBytes(hex.slice(2).toLowerCase());
