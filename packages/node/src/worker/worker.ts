/** The worker: takes orders, runs them, gets paid, and sits as juror when it is drawn. */

import { availableIn, type ChainClient } from "@assay/chain";
import { createEngine } from "@assay/engine";
import { bytesToHex, equalBytes, type ProgramOffer, ROLES } from "@assay/wire";
import { createExclusive } from "../exclusive.ts";
import { type LoadedModel, loadModels } from "../models.ts";
import { connectStaked, joinMesh, openRoleDatabase, type Role, type RoleOptions } from "../role.ts";
import type { Database } from "../store/database.ts";
import { attendCourt } from "../verifier/court.ts";
import { recentBlock, requestEvidence } from "../verifier/evidence-request.ts";
import { type Cheat, type Conduct, conductOf, HONEST } from "./cheats.ts";
import { createJobs, type Jobs } from "./jobs.ts";
import { publishReceipt } from "./publish.ts";
import { type Settler, startSettler } from "./settle.ts";
import { type Slots, serveTask, type TaskContext } from "./task.ts";
import { takeVoucher, type VoucherOptions } from "./vouchers.ts";

export interface WorkerOptions extends RoleOptions {
  /** Base units a token. */
  readonly promptPrice: bigint;
  readonly outputPrice: bigint;
  /** Tasks at once. */
  readonly slots: number;
  readonly cheat?: Cheat;
  /** How long to wait for a client's voucher before its receipt is published. */
  readonly voucherPatienceMs?: number;
}

export async function startWorker(options: WorkerOptions): Promise<Role> {
  const { log } = options;
  const stopping = new AbortController();
  const models = loadModels(options.models);
  const database = await openRoleDatabase(options, "worker");
  const jobs = createJobs(database);
  const interrupted = await jobs.failInterrupted();
  if (interrupted > 0) log.warn({ jobs: interrupted }, "jobs were interrupted before a receipt");
  const chain = await connectStaked(options);
  // Who withholds receipts gets no voucher for them.
  const patience = options.cheat === "withhold" ? 0 : options.voucherPatienceMs;
  const settler = startSettler({
    database,
    chain,
    log,
    signal: stopping.signal,
    ...(patience === undefined ? {} : { voucherPatienceMs: patience }),
  });
  const { context, vouchers } = createDuties({
    options,
    chain,
    models,
    database,
    jobs,
    settler,
    signal: stopping.signal,
  });
  const { mesh, peers } = await joinMesh({
    role: options,
    self: {
      address: chain.address,
      roles: ROLES.worker,
      programs: offersOf(models, options),
      freeSlots: context.slots.free,
    },
    onCall: async (_peer, call, first) => {
      if (first.type === "offer") await serveTask(context, call, first);
      else if (first.type === "voucher") call.send(await takeVoucher(vouchers, first));
    },
  });
  const court = attendCourt({
    chain,
    models,
    fromBlock: await recentBlock(chain),
    evidence: (challenger, hash) => requestEvidence(peers, challenger, hash, stopping.signal),
    // A challenger that never draws could hold up our pay and stake until somebody else does.
    drawFor: (event) => equalBytes(event.worker, chain.address),
    log,
    signal: stopping.signal,
  });
  return {
    addresses: mesh.addresses,
    async stop() {
      stopping.abort();
      await mesh.stop();
      await Promise.all([court, settler.done]);
      await database.destroy();
    },
  };
}

interface DutyOptions {
  readonly options: WorkerOptions;
  readonly chain: ChainClient;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly database: Database;
  readonly jobs: Jobs;
  readonly settler: Settler;
  readonly signal: AbortSignal;
}

/** What it takes to serve tasks, and to take vouchers for them. */
function createDuties({ options, chain, models, database, jobs, settler, signal }: DutyOptions): {
  readonly context: TaskContext;
  readonly vouchers: VoucherOptions;
} {
  const { log, cheat } = options;
  const conduct = cheat === undefined ? HONEST : conductOf(cheat);
  const own = { address: chain.address, domain: chain.domain, jobs, exclusive: createExclusive() };
  const context: TaskContext = {
    ...own,
    privateKey: options.privateKey,
    models: served(models, conduct),
    promptPrice: options.promptPrice,
    outputPrice: options.outputPrice,
    slots: createSlots(options.slots),
    channelOf: async (client) => {
      const channel = await chain.channelOf(client, chain.address);
      return { balance: availableIn(channel), settledBelow: channel.settledBelow };
    },
    conduct,
    onReceipt: settler.wake,
    publishSecond: (job, second) => {
      publishReceipt(chain, job, second).then(
        (tx) => log.warn({ tx }, "published a second receipt"),
        (error: unknown) => log.error({ err: error }, "could not publish a second receipt"),
      );
    },
    log,
    signal,
  };
  return { context, vouchers: { ...own, database, onGranted: settler.wake } };
}

function offersOf(
  models: ReadonlyMap<string, LoadedModel>,
  prices: Pick<WorkerOptions, "promptPrice" | "outputPrice">,
): ProgramOffer[] {
  return [...models.values()].map(({ root }) => ({
    programRoot: root,
    promptPrice: prices.promptPrice,
    outputPrice: prices.outputPrice,
  }));
}

/** What runs under each root: an honest worker's models, or what a cheater has in their place. */
function served(
  models: ReadonlyMap<string, LoadedModel>,
  { program: inPlaceOf }: Conduct,
): ReadonlyMap<string, LoadedModel> {
  return new Map(
    [...models.values()].map((model) => {
      const program = inPlaceOf(model.program);
      const engine = program === model.program ? model.engine : createEngine(program);
      return [bytesToHex(model.root), { ...model, program, engine }];
    }),
  );
}

function createSlots(count: number): Slots {
  let taken = 0;
  return {
    free: () => count - taken,
    take: () => {
      taken += 1;
    },
    release: () => {
      taken -= 1;
    },
  };
}
