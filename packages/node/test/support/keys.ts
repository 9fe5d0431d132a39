import { addressOf, sha256 } from "@assay/wire";

/** The key of a named party: the same in every run. */
export const keyOf = (name: string): Uint8Array => sha256(new TextEncoder().encode(`test/${name}`));

export const addressNamed = (name: string): Uint8Array => addressOf(keyOf(name));
