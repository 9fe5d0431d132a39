/** The vectors of receipt files, as the verifier's arguments. */

import { readFileSync } from "node:fs";
import { hexToBytes, type Sampling } from "@assay/wire";
import type { Execute, Expected, Reason, VerifyContext } from "../src/index.ts";

interface JsonContext {
  readonly program: {
    readonly root: string;
    readonly context: number;
    readonly vocab: number;
    readonly endTokens: readonly number[];
  };
  readonly pinnedRoot?: string;
  readonly expected?: {
    readonly chainId?: string;
    readonly settlement?: string;
    readonly client?: string;
    readonly worker?: string;
    readonly orderHash?: string;
    readonly workerNonce?: string;
    readonly prompt?: readonly number[];
    readonly maxTokens?: number;
    readonly sampling?: Sampling;
    readonly clientSeed?: string | null;
  };
  readonly now?: string;
}

interface Json {
  readonly name: string;
  readonly file: string;
  readonly context: JsonContext;
  readonly execution: { readonly chosen: readonly number[]; readonly traceRoot: string };
}

export interface Vector {
  readonly name: string;
  readonly file: Uint8Array;
  readonly context: VerifyContext;
  /** Answers what the vector says, whatever it is asked. */
  readonly execute: Execute;
}

const bytes = (hex: string): Uint8Array => hexToBytes(hex.slice(2));

function expectedOf(json: NonNullable<JsonContext["expected"]>): Expected {
  const { chainId, settlement, client, worker, orderHash, workerNonce, clientSeed, ...rest } = json;
  return {
    ...rest,
    ...(chainId === undefined ? {} : { chainId: BigInt(chainId) }),
    ...(settlement === undefined ? {} : { settlement: bytes(settlement) }),
    ...(client === undefined ? {} : { client: bytes(client) }),
    ...(worker === undefined ? {} : { worker: bytes(worker) }),
    ...(orderHash === undefined ? {} : { orderHash: bytes(orderHash) }),
    ...(workerNonce === undefined ? {} : { workerNonce: bytes(workerNonce) }),
    ...(clientSeed === undefined
      ? {}
      : { clientSeed: clientSeed === null ? null : BigInt(clientSeed) }),
  };
}

function vectorOf({ name, file, context, execution }: Json): Vector {
  const { program, pinnedRoot, expected, now } = context;
  return {
    name,
    file: bytes(file),
    context: {
      program: { ...program, root: bytes(program.root) },
      ...(pinnedRoot === undefined ? {} : { pinnedRoot: bytes(pinnedRoot) }),
      ...(expected === undefined ? {} : { expected: expectedOf(expected) }),
      ...(now === undefined ? {} : { now: BigInt(now) }),
    },
    execute: () => ({ chosen: execution.chosen, traceRoot: bytes(execution.traceRoot) }),
  };
}

const json = JSON.parse(
  readFileSync(new URL("../../../vectors/receipt-file.json", import.meta.url), "utf8"),
) as {
  readonly valid: readonly (Json & { readonly receiptHash: string })[];
  readonly invalid: readonly (Json & { readonly check: number; readonly reason: Reason })[];
};

export const VALID = json.valid.map((one) => ({
  ...vectorOf(one),
  receiptHash: bytes(one.receiptHash),
}));

export const INVALID = json.invalid.map((one) => ({
  ...vectorOf(one),
  check: one.check,
  reason: one.reason,
}));

/** The vector of that name. */
export function vectorNamed(name: string): Vector {
  const vector = [...VALID, ...INVALID].find((one) => one.name === name);
  if (vector === undefined) throw new Error(`there is no vector "${name}"`);
  return vector;
}
