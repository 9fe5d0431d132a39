/**
 * Writes receipt files from the text of spec/03 with viem and node:crypto, sharing no code with the
 * protocol's own. Every value can be overridden at the place where a forger would.
 */

import { createHash } from "node:crypto";
import { concat, type Hex, hashStruct, keccak256, numberToHex, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

type Value = Hex | bigint | number;
export type Values = Readonly<Record<string, Value>>;

/** name → EIP-712 type, in the order of spec/03 §3.1, which is also that of the file. */
const TYPES = {
  Order: {
    programRoot: "bytes32",
    client: "address",
    worker: "address",
    sequence: "uint64",
    inputCommitment: "bytes32",
    promptTokens: "uint32",
    maxTokens: "uint32",
    invTemperature: "uint32",
    topP: "uint32",
    seedSource: "uint8",
    clientSeed: "uint64",
    nonceHash: "bytes32",
    promptPrice: "uint128",
    outputPrice: "uint128",
    deadline: "uint64",
    salt: "bytes32",
  },
  Acceptance: { orderHash: "bytes32", workerNonce: "bytes32" },
  Receipt: {
    orderHash: "bytes32",
    programRoot: "bytes32",
    worker: "address",
    seed: "bytes32",
    inputCommitment: "bytes32",
    outputCommitment: "bytes32",
    promptTokens: "uint32",
    outputTokens: "uint32",
    finishReason: "uint8",
    price: "uint128",
    completedAt: "uint64",
    traceRoot: "bytes32",
  },
} as const;
type TypeName = keyof typeof TYPES;

/** The order of secp256k1 (SEC 2 §2.4.1). */
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Bytes that follow from a text, so that the files can be made again. */
export const bytes = (label: string, length = 32): Hex =>
  `0x${keccak256(stringToHex(label)).slice(2, 2 + 2 * length)}`;

export const KEYS = { client: bytes("client key"), worker: bytes("worker key") };
export const addressOf = (key: Hex): Hex => {
  const { address } = privateKeyToAccount(key);
  return `0x${address.slice(2).toLowerCase()}`;
};

const typesOf = (type: TypeName) =>
  Object.entries(TYPES[type]).map(([name, kind]) => ({ name, type: kind }));

export const structHash = (type: TypeName, data: Values): Hex =>
  hashStruct({ primaryType: type, data, types: { [type]: typesOf(type) } });

function littleEndian(value: bigint, size: number): Hex {
  const big = numberToHex(value, { size }).slice(2);
  return `0x${(big.match(/../g) ?? []).reverse().join("")}`;
}

function record(type: TypeName, values: Values): Hex {
  const parts = Object.entries(TYPES[type]).map(([name, kind]): Hex => {
    const value = values[name] ?? 0n;
    return typeof value === "string"
      ? value
      : littleEndian(BigInt(value), Number(kind.slice(4)) / 8);
  });
  return concat(parts);
}

/** spec/02 §2.1, for bytes. */
function dataRoot(data: Hex): Hex {
  const all = Buffer.from(data.slice(2), "hex");
  let level: Hex[] = [];
  for (let at = 0; at === 0 || at < all.length; at += 1024) {
    level.push(
      `0x${createHash("sha256")
        .update(all.subarray(at, at + 1024))
        .digest("hex")}`,
    );
  }
  while (level.length & (level.length - 1)) level.push(`0x${"00".repeat(32)}`);
  while (level.length > 1) {
    level = level.flatMap((node, i) =>
      i % 2 === 0 ? [keccak256(concat([node, level[i + 1] ?? node]))] : [],
    );
  }
  return level[0] ?? "0x";
}

const tokenBytes = (tokens: readonly number[]): Hex =>
  concat(["0x", ...tokens.map((token) => littleEndian(BigInt(token), 4))]);
const tokenList = (tokens: readonly number[]): Hex =>
  concat([littleEndian(BigInt(tokens.length), 4), tokenBytes(tokens)]);
export const commitment = (salt: Hex, tokens: readonly number[]): Hex =>
  keccak256(concat([salt, dataRoot(tokenBytes(tokens))]));

export interface Domain {
  readonly chainId: bigint;
  readonly settlement: Hex;
}

async function sign(key: Hex, of: Domain, type: TypeName, message: Values): Promise<Hex> {
  return await privateKeyToAccount(key).signTypedData({
    domain: { name: "Assay", version: "1", chainId: of.chainId, verifyingContract: of.settlement },
    types: { [type]: typesOf(type) },
    primaryType: type,
    message,
  });
}

/** The other signature of the same key and digest: s in the upper half, the other v. */
export function mirrored(signature: Hex): Hex {
  const s = BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith("1b") ? "1c" : "1b";
  return `0x${signature.slice(2, 66)}${numberToHex(N - s, { size: 32 }).slice(2)}${v}`;
}

/** What is in a file beside order and receipt. */
export interface Disclosed {
  readonly domain: Domain;
  readonly orderSignature: Hex;
  readonly workerNonce: Hex;
  readonly acceptanceSignature: Hex;
  readonly receiptSignature: Hex;
  readonly inputSalt: Hex;
  readonly outputSalt: Hex;
  readonly clientNonce: Hex;
  readonly prompt: readonly number[];
  readonly output: readonly number[];
}

/** A task and what is forged in it. */
export interface Scenario {
  readonly prompt?: readonly number[];
  readonly output?: readonly number[];
  /** Overrides before the client, the worker and the worker sign. */
  readonly order?: Values;
  readonly receipt?: Values;
  /** Other keys than the parties'. */
  readonly keys?: { readonly order?: Hex; readonly acceptance?: Hex; readonly receipt?: Hex };
  /** Overrides after everything was signed. */
  readonly editedOrder?: Values;
  readonly editedReceipt?: Values;
  readonly edited?: (honest: Disclosed) => Partial<Disclosed>;
  readonly patch?: (file: Hex) => Hex;
}

export interface Written {
  readonly file: Hex;
  readonly order: Values;
  readonly orderHash: Hex;
  readonly receipt: Values;
  readonly receiptHash: Hex;
  readonly disclosed: Disclosed;
}

export const HONEST = {
  domain: { chainId: 31_337n, settlement: bytes("settlement", 20) },
  programRoot: bytes("program"),
  traceRoot: bytes("trace"),
  prompt: [1, 5, 9, 4],
  output: [7, 3, 2],
  workerNonce: bytes("worker nonce"),
  inputSalt: bytes("input salt"),
  outputSalt: bytes("output salt"),
  clientNonce: bytes("client nonce"),
} as const;

function orderOf({ prompt = HONEST.prompt, order = {} }: Scenario): Values {
  return {
    programRoot: HONEST.programRoot,
    client: addressOf(KEYS.client),
    worker: addressOf(KEYS.worker),
    sequence: 4n,
    inputCommitment: commitment(HONEST.inputSalt, prompt),
    promptTokens: prompt.length,
    maxTokens: 5,
    invTemperature: 1280,
    topP: 58_982,
    seedSource: 0,
    clientSeed: 0n,
    nonceHash: keccak256(HONEST.clientNonce),
    promptPrice: 3n,
    outputPrice: 10n,
    deadline: 1_800_000_000n,
    salt: bytes("order salt"),
    ...order,
  };
}

/** spec/03 §3.3. */
function seedOf(order: Values, orderHash: Hex): Hex {
  if (order["seedSource"] !== 1) {
    const { clientNonce, workerNonce } = HONEST;
    return keccak256(concat([stringToHex("assay/seed/1"), orderHash, clientNonce, workerNonce]));
  }
  const number = numberToHex(BigInt(order["clientSeed"] ?? 0n), { size: 8 });
  return keccak256(concat([stringToHex("assay/seed/client/1"), HONEST.programRoot, number]));
}

function receiptOf(scenario: Scenario, order: Values, orderHash: Hex): Values {
  const { prompt = HONEST.prompt, output = HONEST.output, receipt = {} } = scenario;
  return {
    orderHash,
    programRoot: HONEST.programRoot,
    worker: addressOf(KEYS.worker),
    seed: seedOf(order, orderHash),
    inputCommitment: commitment(HONEST.inputSalt, prompt),
    outputCommitment: commitment(HONEST.outputSalt, output),
    promptTokens: prompt.length,
    outputTokens: output.length,
    finishReason: output.at(-1) === 2 ? 1 : 2,
    price: BigInt(3 * prompt.length + 10 * output.length),
    completedAt: 1_799_999_990n,
    traceRoot: HONEST.traceRoot,
    ...receipt,
  };
}

function encode(order: Values, receipt: Values, disclosed: Disclosed): Hex {
  return concat([
    stringToHex("ASSAYRCT"),
    littleEndian(2n, 2),
    littleEndian(disclosed.domain.chainId, 8),
    disclosed.domain.settlement,
    record("Order", order),
    disclosed.orderSignature,
    disclosed.workerNonce,
    disclosed.acceptanceSignature,
    record("Receipt", receipt),
    disclosed.receiptSignature,
    disclosed.inputSalt,
    disclosed.outputSalt,
    disclosed.clientNonce,
    tokenList(disclosed.prompt),
    tokenList(disclosed.output),
  ]);
}

export async function write(scenario: Scenario): Promise<Written> {
  const { keys = {}, edited, patch } = scenario;
  const { domain, workerNonce, inputSalt, outputSalt, clientNonce } = HONEST;
  const order = orderOf(scenario);
  const orderHash = structHash("Order", order);
  const receipt = receiptOf(scenario, order, orderHash);
  const acceptance = { orderHash, workerNonce };
  const honest: Disclosed = {
    domain,
    orderSignature: await sign(keys.order ?? KEYS.client, domain, "Order", order),
    workerNonce,
    acceptanceSignature: await sign(
      keys.acceptance ?? KEYS.worker,
      domain,
      "Acceptance",
      acceptance,
    ),
    receiptSignature: await sign(keys.receipt ?? KEYS.worker, domain, "Receipt", receipt),
    inputSalt,
    outputSalt,
    clientNonce,
    prompt: scenario.prompt ?? HONEST.prompt,
    output: scenario.output ?? HONEST.output,
  };
  const disclosed = { ...honest, ...edited?.(honest) };
  const writtenReceipt = { ...receipt, ...scenario.editedReceipt };
  const file = encode({ ...order, ...scenario.editedOrder }, writtenReceipt, disclosed);
  return {
    file: patch?.(file) ?? file,
    order,
    orderHash,
    receipt,
    receiptHash: structHash("Receipt", writtenReceipt),
    disclosed,
  };
}
