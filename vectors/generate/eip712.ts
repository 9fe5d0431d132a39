/**
 * Hashes and signatures of spec/03 §3.1 by viem: writes ../eip712.json. Shares no code with the protocol's own.
 *
 * The types are written down from the specification. The last case of each type holds the largest
 * value of every field.
 */

import { writeFileSync } from "node:fs";
import { domainSeparator, type Hex, hashStruct, hashTypedData, keccak256, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const TYPES = {
  Order:
    "bytes32 programRoot,address client,address worker,uint64 sequence,bytes32 inputCommitment,uint32 promptTokens,uint32 maxTokens," +
    "uint32 invTemperature,uint32 topP,uint8 seedSource,uint64 clientSeed,bytes32 nonceHash," +
    "uint128 promptPrice,uint128 outputPrice,uint64 deadline,bytes32 salt",
  Acceptance: "bytes32 orderHash,bytes32 workerNonce",
  Receipt:
    "bytes32 orderHash,bytes32 programRoot,address worker,bytes32 seed,bytes32 inputCommitment,bytes32 outputCommitment," +
    "uint32 promptTokens,uint32 outputTokens,uint8 finishReason,uint128 price,uint64 completedAt,bytes32 traceRoot",
  Delivery: "bytes32 orderHash,uint32 outputTokens,bytes32 outputCommitment",
  Voucher: "address client,address worker,uint64 settledBelow,uint128 amount",
};

type TypeName = keyof typeof TYPES;
type Value = Hex | bigint;

const members = (type: TypeName) =>
  TYPES[type].split(",").map((member) => {
    const [kind = "", name = ""] = member.split(" ");
    return { type: kind, name };
  });

/** Bytes that follow from a text, so that the file can be made again. */
const bytes = (label: string, length: number): Hex =>
  `0x${keccak256(stringToHex(label)).slice(2, 2 + 2 * length)}`;

function ordinary(type: string, label: string): Value {
  if (type === "bytes32") return bytes(label, 32);
  if (type === "address") return bytes(label, 20);
  if (type === "uint8") return 1n;
  return BigInt(bytes(label, Math.min(Number(type.slice(4)) / 8, 16)));
}

function largest(type: string): Value {
  if (type === "bytes32") return `0x${"ff".repeat(32)}`;
  if (type === "address") return `0x${"ff".repeat(20)}`;
  return type === "uint8" ? 1n : 2n ** BigInt(type.slice(4)) - 1n;
}

const DOMAINS = [
  { chainId: 31_337n, settlement: bytes("settlement", 20) },
  { chainId: 2n ** 64n - 1n, settlement: `0x${"ff".repeat(20)}` },
] as const;

async function vectorOf(primaryType: TypeName, index: 0 | 1) {
  const { chainId, settlement } = DOMAINS[index];
  const domain = { name: "Assay", version: "1", chainId, verifyingContract: settlement };
  const types = { [primaryType]: members(primaryType) };
  const message = Object.fromEntries(
    members(primaryType).map(({ type, name }) => [
      name,
      index === 0 ? ordinary(type, `${primaryType}.${name}`) : largest(type),
    ]),
  );
  const privateKey = bytes(`key ${index}`, 32);
  const account = privateKeyToAccount(privateKey);
  return {
    primaryType,
    encodedType: `${primaryType}(${TYPES[primaryType]})`,
    chainId,
    settlement,
    message,
    separator: domainSeparator({ domain }),
    structHash: hashStruct({ data: message, primaryType, types }),
    digest: hashTypedData({ domain, types, primaryType, message }),
    privateKey,
    signer: account.address.toLowerCase(),
    signature: await account.signTypedData({ domain, types, primaryType, message }),
  };
}

const vectors = [];
for (const type of ["Order", "Acceptance", "Receipt", "Delivery", "Voucher"] as const) {
  vectors.push(await vectorOf(type, 0), await vectorOf(type, 1));
}
const text = (_key: string, value: unknown) =>
  typeof value === "bigint" ? value.toString() : value;
writeFileSync(
  new URL("../eip712.json", import.meta.url),
  `${JSON.stringify({ vectors }, text, 2)}\n`,
);
