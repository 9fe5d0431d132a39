/** The worker thread of the file to save: verifies, and asks nobody for anything. */

import { serveJobs, verifyAlone } from "./serve-jobs.ts";

const noGateway = (): never => {
  throw new Error("this file verifies receipts; it does not ask");
};

serveJobs({
  ask: noGateway,
  tamper: noGateway,
  verify: (job, tell) =>
    verifyAlone(job, tell, () => {
      throw new Error(
        "this receipt names a program that is not here; drop the program file too (any gateway serves it at /v1/programs/ROOT)",
      );
    }),
});
