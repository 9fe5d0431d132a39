/** Workers that this gateway no longer asks, because a receipt of theirs did not hold. */

import { bytesToHex } from "@assay/wire";
import type { Database } from "../store/database.ts";
import type { Standing } from "./answer.ts";

/** Remembered through the receipts in the database, so that a restart forgives nobody. */
export async function loadStanding(database: Database): Promise<Standing> {
  const rows = await database
    .selectFrom("receipts")
    .select("worker")
    .distinct()
    .where("verified", "=", 0)
    .execute();
  const banned = new Set(rows.map((row) => row.worker));
  return {
    ban: (worker) => {
      banned.add(bytesToHex(worker));
    },
    isBanned: (worker) => banned.has(bytesToHex(worker)),
  };
}
