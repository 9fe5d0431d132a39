/** A process that writes a row, begins to write another, says so, and waits to be killed. */

import { openDatabase } from "../../src/store/database.ts";

const database = await openDatabase(process.argv[2] ?? "");
await database
  .insertInto("grants")
  .values({ worker: "kept", settled_below: 1, amount: "1" })
  .execute();
await database.transaction().execute(async (transaction) => {
  await transaction
    .insertInto("grants")
    .values({ worker: "lost", settled_below: 1, amount: "1" })
    .execute();
  process.stdout.write("in the middle\n");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
