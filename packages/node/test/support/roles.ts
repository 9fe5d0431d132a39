/** Whole roles in this process, over the real mesh and a real chain. */

import type { ChainClient } from "@assay/chain";
import { type Gateway, type GatewayOptions, startGateway } from "../../src/gateway/gateway.ts";
import type { Role } from "../../src/role.ts";
import { startWorker, type WorkerOptions } from "../../src/worker/worker.ts";
import { newPostgresDatabase, onPostgres } from "./database.ts";
import { demoModel } from "./demo.ts";
import { eventually, pause } from "./eventually.ts";
import { removeFolder, temporaryFolder } from "./folder.ts";
import { roleOptions } from "./players.ts";
import type { TestChain } from "./test-chain.ts";

export const PROMPT_PRICE = 10n;
export const OUTPUT_PRICE = 30n;

export interface Stage {
  gateway(
    name: string,
    change?: Partial<
      Pick<
        GatewayOptions,
        "apiKeys" | "host" | "models" | "network" | "publicHosts" | "publicRpc" | "site"
      >
    >,
  ): Promise<Gateway>;
  worker(
    name: string,
    to: Role,
    change?: Partial<Pick<WorkerOptions, "cheat" | "models" | "slots" | "voucherPatienceMs">>,
  ): Promise<Role>;
  /** Stops every role, the last started first. */
  stop(): Promise<void>;
}

export function openStage(chain: TestChain): Stage {
  const roles: Role[] = [];
  const homes: string[] = [];
  const options = async (name: string, bootstrap: readonly string[]) => {
    const home = temporaryFolder();
    homes.push(home);
    const database = onPostgres ? { database: await newPostgresDatabase() } : {};
    return { ...roleOptions(name, { ...chain.network, bootstrap }, home), ...database };
  };
  return {
    async gateway(name, change = {}) {
      await chain.party(name);
      const gateway = await startGateway({
        ...(await options(name, [])),
        host: "127.0.0.1",
        port: 0,
        channelAmount: 10_000_000n,
        version: "0.0.0-test",
        ...change,
      });
      roles.push(gateway);
      return gateway;
    },
    async worker(name, to, change = {}) {
      await chain.party(name);
      const worker = await startWorker({
        ...(await options(name, to.addresses)),
        promptPrice: PROMPT_PRICE,
        outputPrice: OUTPUT_PRICE,
        slots: 4,
        ...change,
      });
      roles.push(worker);
      return worker;
    },
    async stop() {
      for (const role of roles.splice(0).reverse()) await role.stop();
      for (const home of homes.splice(0)) removeFolder(home);
    },
  };
}

/** Registers the demo model under the name that everybody asks for. */
export async function registerDemo(chain: TestChain): Promise<ChainClient> {
  const registrar = await chain.party("registrar");
  await registrar.registerModel(demoModel().root, "demo");
  return registrar;
}

export const ready = ({ url }: Gateway): Promise<true> =>
  eventually("the gateway is ready", async () => (await fetch(`${url}/readyz`)).ok);

/** Waits until the gateway has a funded channel to each of these workers, and has heard so. */
export async function funded(
  chain: ChainClient,
  gateway: Uint8Array,
  workers: readonly Uint8Array[],
): Promise<void> {
  await eventually("every channel is funded", async () => {
    const balances = await Promise.all(workers.map((to) => chain.channelBalance(gateway, to)));
    return balances.every((balance) => balance > 0n);
  });
  await pause(300);
}
