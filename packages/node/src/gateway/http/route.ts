/** What the routes of the gateway's API work with, and how they read a body. */

import type { Verdict } from "@assay/verifier";
import type { ProgramOffer } from "@assay/wire";
import type { Context } from "hono";
import type { Logger } from "../../logger.ts";
import type { OrderBook, ReceiptShelf } from "../order-book.ts";
import type { SiteFile } from "../site.ts";
import type { HostedModel } from "../text-service.ts";
import { ApiError } from "./api-error.ts";
import type { GenerationContext } from "./generation.ts";
import type { ApiProblem } from "./sampling-request.ts";

/** A worker as the gateway knows it. */
interface KnownWorker {
  readonly address: Uint8Array;
  readonly programs: readonly ProgramOffer[];
  readonly freeSlots: number;
  readonly funded: boolean;
  readonly banned: boolean;
}

/** What the routes work with. */
export interface RouteContext extends GenerationContext {
  readonly shelf: ReceiptShelf;
  readonly book: OrderBook;
  /** A verdict on any receipt file, one at a time. @throws {ApiError} when too many wait */
  readonly verify: (file: Uint8Array) => Promise<Verdict>;
  /** The parts that have to be there before an answer can be given. */
  readonly readiness: () => Readonly<Record<string, boolean>>;
  readonly workers: () => readonly KnownWorker[];
  /** The cheapest offer for a program now. */
  readonly priceOf: (programRoot: Uint8Array) => ProgramOffer | undefined;
  /** The program file with this root in hexadecimal, of those that are served here. */
  readonly programPath: (root: string) => string | undefined;
  /** What a client needs of this network, as a network file. */
  readonly networkFile: string | undefined;
  /** The web page's files by path; none where this gateway serves no page. */
  readonly site: ReadonlyMap<string, SiteFile>;
  /** Tells which program an answer comes from, in OpenAI's field for it. */
  readonly fingerprint: (model: HostedModel) => string;
  readonly version: string;
  readonly log: Logger;
}

/** The body, parsed. @throws {ApiError} for one that is no JSON, or not what the route takes */
export async function bodyOf<T>(
  context: Context,
  parse: (
    body: unknown,
  ) => { readonly ok: true; readonly request: T } | ({ readonly ok: false } & ApiProblem),
): Promise<T> {
  let body: unknown;
  try {
    body = await context.req.json();
  } catch {
    throw new ApiError(400, "invalid_json", "the body is not JSON");
  }
  const parsed = parse(body);
  if (!parsed.ok) throw new ApiError(400, "invalid_request", parsed.message, parsed.param);
  return parsed.request;
}
