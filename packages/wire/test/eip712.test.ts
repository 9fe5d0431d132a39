import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  type Acceptance,
  acceptanceHash,
  acceptanceStruct,
  addressOf,
  bytesToHex,
  type Delivery,
  deliveryHash,
  deliveryStruct,
  domainSeparator,
  hexToBytes,
  type Order,
  orderHash,
  orderStruct,
  type Receipt,
  receiptHash,
  receiptStruct,
  recoverTyped,
  type SigningDomain,
  signTyped,
  typedDigest,
  type Voucher,
  voucherHash,
  voucherStruct,
} from "../src/index.ts";
import { filled, sampleOrder } from "./sample.ts";

interface Vector {
  readonly primaryType: "Order" | "Acceptance" | "Receipt" | "Delivery" | "Voucher";
  readonly encodedType: string;
  readonly chainId: string;
  readonly settlement: string;
  readonly message: Readonly<Record<string, string>>;
  readonly separator: string;
  readonly structHash: string;
  readonly digest: string;
  readonly privateKey: string;
  readonly signer: string;
  readonly signature: string;
}

const { vectors } = JSON.parse(
  readFileSync(new URL("../../../vectors/eip712.json", import.meta.url), "utf8"),
) as { vectors: readonly Vector[] };

const bytes = (hex: string): Uint8Array => hexToBytes(hex.slice(2));
const hex = (value: Uint8Array): string => `0x${bytesToHex(value)}`;

const BIGINTS = [
  "sequence",
  "clientSeed",
  "promptPrice",
  "outputPrice",
  "deadline",
  "price",
  "completedAt",
  "settledBelow",
  "amount",
];

/** A message as this package has it; the largest enumerated values are ones that it knows. */
function fieldOf(name: string, text: string): Uint8Array | bigint | number {
  if (text.startsWith("0x")) return bytes(text);
  return BIGINTS.includes(name) ? BigInt(text) : Number(text);
}
const messageOf = ({ message }: Vector): unknown =>
  Object.fromEntries(Object.entries(message).map(([name, text]) => [name, fieldOf(name, text)]));

function hashOf(vector: Vector): [encodedType: string, hash: Uint8Array] {
  const message = messageOf(vector);
  switch (vector.primaryType) {
    case "Order":
      return [orderStruct.encodedType, orderHash(message as Order)];
    case "Acceptance":
      return [acceptanceStruct.encodedType, acceptanceHash(message as Acceptance)];
    case "Receipt":
      return [receiptStruct.encodedType, receiptHash(message as Receipt)];
    case "Delivery":
      return [deliveryStruct.encodedType, deliveryHash(message as Delivery)];
    case "Voucher":
      return [voucherStruct.encodedType, voucherHash(message as Voucher)];
  }
}

describe("EIP-712 (spec/03 §3.1) agrees with viem", () => {
  test("in all five types", () => {
    expect(new Set(vectors.map(({ primaryType }) => primaryType)).size).toBe(5);
  });

  test.each(vectors)("$primaryType on chain $chainId", (vector) => {
    const domain = { chainId: BigInt(vector.chainId), settlement: bytes(vector.settlement) };
    const [encodedType, hash] = hashOf(vector);
    expect(encodedType).toBe(vector.encodedType);
    expect(hex(hash)).toBe(vector.structHash);
    expect(hex(domainSeparator(domain))).toBe(vector.separator);
    expect(hex(typedDigest(domain, hash))).toBe(vector.digest);
    const key = bytes(vector.privateKey);
    expect(hex(addressOf(key))).toBe(vector.signer);
    expect(hex(signTyped(key, domain, hash))).toBe(vector.signature);
    expect(recoverTyped(domain, hash, bytes(vector.signature))).toEqual(bytes(vector.signer));
  });
});

describe("a signature holds", () => {
  const domain: SigningDomain = { chainId: 1n, settlement: filled(20, 1) };
  const key = filled(32, 7);
  const signature = signTyped(key, domain, orderHash(sampleOrder));

  test("for no other chain, contract or order", () => {
    const signer = (of: SigningDomain, order: Order) =>
      recoverTyped(of, orderHash(order), signature);
    expect(signer(domain, sampleOrder)).toEqual(addressOf(key));
    expect(signer({ ...domain, chainId: 2n }, sampleOrder)).not.toEqual(addressOf(key));
    expect(signer({ ...domain, settlement: filled(20, 2) }, sampleOrder)).not.toEqual(
      addressOf(key),
    );
    for (const name of Object.keys(sampleOrder)) {
      const value: unknown = Reflect.get(sampleOrder, name);
      const other = value instanceof Uint8Array ? filled(value.length, 0xee) : 1;
      const changed = { ...sampleOrder, [name]: typeof value === "bigint" ? 99n : other };
      expect(signer(domain, changed), name).not.toEqual(addressOf(key));
    }
  });
});
