/**
 * HELLO: who a peer is, what it runs and at which price (spec/05 §5.4).
 */

import type { ByteReader } from "../byte-reader.ts";
import { bytesToHex, concatBytes, equalBytes } from "../bytes.ts";
import { address, bigEndian, bytes32, u8, u16, u128 } from "../field.ts";
import { FormatError } from "../format-error.ts";
import { keccak256 } from "../hash.ts";
import { MAX_HELLO_PROGRAMS } from "../limits.ts";
import { recoverAddress, SIGNATURE_BYTES, signDigest } from "../signature.ts";
import { type Struct, struct } from "../struct.ts";

/** Bits of a peer's roles; a peer without any is a client. */
export const ROLES = { worker: 1, verifier: 2, gateway: 4 } as const;

const ALL_ROLES = ROLES.worker | ROLES.verifier | ROLES.gateway;

/** A program that a worker runs, and the least it asks for, in token base units a token. */
export interface ProgramOffer {
  readonly programRoot: Uint8Array;
  readonly promptPrice: bigint;
  readonly outputPrice: bigint;
}

export interface Hello {
  /** 20 bytes: with it the peer signs orders or receipts. */
  readonly address: Uint8Array;
  /** A sum of {@link ROLES}. */
  readonly roles: number;
  /** Each root at most once, {@link MAX_HELLO_PROGRAMS} at most. */
  readonly programs: readonly ProgramOffer[];
  /** Tasks that the worker would take now. */
  readonly freeSlots: number;
  readonly signature: Uint8Array;
}

const FORMAT = "HELLO";
const TAG = new TextEncoder().encode("assay/hello/1");

const programStruct: Struct<ProgramOffer> = struct("ProgramOffer", {
  programRoot: bytes32,
  promptPrice: u128,
  outputPrice: u128,
});

function repeatedRoot(programs: readonly ProgramOffer[]): number {
  const roots = programs.map(({ programRoot }) => bytesToHex(programRoot));
  return roots.findIndex((root, i) => roots.indexOf(root) !== i);
}

export function encodeHello(hello: Hello): Uint8Array {
  const { programs, roles, signature } = hello;
  if (roles > ALL_ROLES) throw new RangeError(`${roles} is no sum of roles`);
  if (programs.length > MAX_HELLO_PROGRAMS) throw new RangeError(`${programs.length} programs`);
  if (repeatedRoot(programs) >= 0) throw new RangeError("a program is offered twice");
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError("a signature has 65 bytes");
  return concatBytes(
    address.encode(hello.address),
    u8.encode(roles),
    u8.encode(programs.length),
    ...programs.map((program) => programStruct.encode(program)),
    u16.encode(hello.freeSlots),
    signature,
  );
}

function readRoles(reader: ByteReader): number {
  const roles = reader.u8("roles");
  if (roles > ALL_ROLES) {
    throw new FormatError({ code: "FORMAT_VALUE", format: FORMAT, field: "roles", actual: roles });
  }
  return roles;
}

function readPrograms(reader: ByteReader): ProgramOffer[] {
  const count = reader.u8("programs");
  if (count > MAX_HELLO_PROGRAMS) {
    throw new FormatError({
      code: "FORMAT_COUNT",
      format: FORMAT,
      field: "programs",
      actual: count,
      min: 0,
      max: MAX_HELLO_PROGRAMS,
    });
  }
  const programs = Array.from({ length: count }, () => programStruct.decode(reader));
  const index = repeatedRoot(programs);
  if (index >= 0) {
    throw new FormatError({ code: "FORMAT_DUPLICATE", format: FORMAT, field: "programs", index });
  }
  return programs;
}

/** @throws {FormatError} */
export function decodeHello(reader: ByteReader): Hello {
  return {
    address: address.decode(reader, "address"),
    roles: readRoles(reader),
    programs: readPrograms(reader),
    freeSlots: reader.u16("freeSlots"),
    signature: reader.bytes(SIGNATURE_BYTES, "signature"),
  };
}

/** What binds an address to the peer that the transport authenticated, on one chain. */
function helloDigest(peerId: Uint8Array, chainId: bigint): Uint8Array {
  return keccak256(concatBytes(TAG, peerId, bigEndian(chainId, 8)));
}

/** The signature of a HELLO, the same for every HELLO of this peer. */
export function signHello(privateKey: Uint8Array, peerId: Uint8Array, chainId: bigint): Uint8Array {
  return signDigest(privateKey, helloDigest(peerId, chainId));
}

/** Whether the holder of the address says that it is the peer `peerId`. */
export function verifyHello(hello: Hello, peerId: Uint8Array, chainId: bigint): boolean {
  const signer = recoverAddress(helloDigest(peerId, chainId), hello.signature);
  return signer !== null && equalBytes(signer, hello.address);
}
