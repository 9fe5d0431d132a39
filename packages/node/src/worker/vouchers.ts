/** The vouchers that clients give a worker once they have their receipts (spec/05 §5.6). */

import type { SignedVoucher } from "@assay/chain";
import {
  ByteReader,
  bytesToHex,
  concatBytes,
  equalBytes,
  MAX_SEQUENCE,
  type Message,
  RPC_CODES,
  recoverTyped,
  SIGNATURE_BYTES,
  type SigningDomain,
  type Voucher,
  voucherHash,
  voucherStruct,
} from "@assay/wire";
import type { Database } from "../store/database.ts";
import type { Jobs } from "./jobs.ts";

export interface VoucherOptions {
  readonly database: Database;
  readonly jobs: Pick<Jobs, "owedBelow">;
  readonly address: Uint8Array;
  readonly domain: SigningDomain;
  /** Runs one at a time, apart from orders that are being accepted. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Receipts are granted: they can be posted. */
  readonly onGranted: () => void;
}

/** Answers one VOUCHER: OK when it is on disk and grants all that is owed, else FAIL. */
export async function takeVoucher(
  options: VoucherOptions,
  signed: SignedVoucher,
): Promise<Message> {
  const { voucher, signature } = signed;
  if (!equalBytes(voucher.worker, options.address)) {
    return fail("invalidOrder", "the voucher names another worker");
  }
  const signer = recoverTyped(options.domain, voucherHash(voucher), signature);
  if (signer === null || !equalBytes(signer, voucher.client)) {
    return fail("invalidOrder", "the voucher is not signed by its client");
  }
  if (voucher.settledBelow > MAX_SEQUENCE + 1n) {
    return fail("invalidOrder", `no sequence is above ${MAX_SEQUENCE}`);
  }
  return options.exclusive(() => keep(options, signed));
}

async function keep(
  { database, jobs, onGranted }: VoucherOptions,
  signed: SignedVoucher,
): Promise<Message> {
  const { voucher } = signed;
  const owed = await jobs.owedBelow(voucher.client, voucher.settledBelow);
  if (owed === undefined) {
    return fail("busy", `an order below ${voucher.settledBelow} is still running; try again`);
  }
  if (voucher.amount < owed) {
    const text = `the orders below ${voucher.settledBelow} cost ${owed}, the voucher grants ${voucher.amount}`;
    return fail("price", text);
  }
  await store(database, signed);
  onGranted();
  return { type: "ok" };
}

/** Keeps the voucher if it goes further than the one before, and marks the receipts that it pays. */
async function store(database: Database, { voucher, signature }: SignedVoucher): Promise<void> {
  const client = bytesToHex(voucher.client);
  const settledBelow = Number(voucher.settledBelow);
  const row = {
    client,
    settled_below: settledBelow,
    voucher: voucherStruct.encode(voucher),
    signature,
  };
  await database.transaction().execute(async (transaction) => {
    const known = await transaction
      .selectFrom("vouchers")
      .select("settled_below")
      .where("client", "=", client)
      .executeTakeFirst();
    if (known !== undefined && known.settled_below >= settledBelow) return;
    await transaction
      .insertInto("vouchers")
      .values(row)
      .onConflict((conflict) => conflict.column("client").doUpdateSet(row))
      .execute();
    await transaction
      .updateTable("jobs")
      .set({ state: "granted" })
      .where("client", "=", client)
      .where("sequence", "<", settledBelow)
      .where("state", "in", ["done", "published"])
      .execute();
  });
}

const fail = (code: keyof typeof RPC_CODES, text: string): Message => ({
  type: "fail",
  code: RPC_CODES[code],
  text,
});

/** The latest vouchers of these clients (hexadecimal). */
export async function latestVouchers(
  database: Database,
  clients: readonly string[],
): Promise<SignedVoucher[]> {
  if (clients.length === 0) return [];
  const rows = await database
    .selectFrom("vouchers")
    .selectAll()
    .where("client", "in", clients)
    .orderBy("client")
    .execute();
  return rows.map(({ voucher, signature }) => ({
    voucher: readVoucher(new ByteReader(new Uint8Array(voucher), "stored voucher")),
    signature: new Uint8Array(signature),
  }));
}

const readVoucher = (reader: ByteReader): Voucher => voucherStruct.decode(reader);

/** A batch's vouchers in one column. */
export const encodeVouchers = (vouchers: readonly SignedVoucher[]): Uint8Array =>
  concatBytes(
    ...vouchers.flatMap(({ voucher, signature }) => [voucherStruct.encode(voucher), signature]),
  );

export function decodeVouchers(bytes: Uint8Array): SignedVoucher[] {
  const reader = new ByteReader(new Uint8Array(bytes), "stored vouchers");
  const count = bytes.length / (voucherStruct.size + SIGNATURE_BYTES);
  const vouchers = Array.from({ length: count }, () => ({
    voucher: readVoucher(reader),
    signature: reader.bytes(SIGNATURE_BYTES, "signature"),
  }));
  reader.end();
  return vouchers;
}
