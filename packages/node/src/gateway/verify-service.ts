/** Verdicts on receipt files of anybody: each runs a model, so one at a time, and few may wait. */

import type { Verdict } from "@assay/verifier";
import { bytesToHex, decodeReceiptFile, FormatError, type SigningDomain } from "@assay/wire";
import { createExclusive } from "../exclusive.ts";
import type { LoadedModel } from "../models.ts";
import { verifyWith } from "../verifier/judge.ts";
import { ApiError } from "./http/api-error.ts";

const MAX_WAITING = 16;
const RETRY_AFTER_SECONDS = 1;

/** @throws {ApiError} for a file of a model that is not loaded here, or when too many wait */
export function createVerifyService(
  models: ReadonlyMap<string, LoadedModel>,
  domain: SigningDomain,
): (file: Uint8Array) => Promise<Verdict> {
  const oneAtATime = createExclusive();
  let waiting = 0;
  return async (file) => {
    const model = modelOf(models, file);
    if (waiting >= MAX_WAITING) {
      const message = `${waiting} receipts are waiting to be verified; try again in a moment`;
      throw new ApiError(429, "rate_limit_exceeded", message, null, {
        retryAfter: RETRY_AFTER_SECONDS,
      });
    }
    waiting += 1;
    try {
      // A turn of the event loop between two runs: others are served meanwhile.
      return await oneAtATime(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return verifyWith(file, model, domain);
      });
    } finally {
      waiting -= 1;
    }
  };
}

function modelOf(models: ReadonlyMap<string, LoadedModel>, file: Uint8Array): LoadedModel {
  const root = rootOf(file);
  // What is no receipt file gets its verdict without any model.
  const model = root === undefined ? models.values().next().value : models.get(root);
  if (model !== undefined) return model;
  const message = `the receipt is of the program 0x${root}, which is not loaded here; see /v1/models`;
  throw new ApiError(404, "model_not_found", message, "receipt");
}

function rootOf(file: Uint8Array): string | undefined {
  try {
    return bytesToHex(decodeReceiptFile(file).order.programRoot);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
