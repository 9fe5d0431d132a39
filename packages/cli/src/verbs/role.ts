/** `assay worker|verifier|gateway start`: one role in this process, against a network. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  assayHome,
  CHEATS,
  createLogger,
  isCheat,
  loadNetwork,
  loadOrCreateKey,
  privateDirectory,
  type RoleOptions,
  serveParent,
} from "@assay/node";
import { defineCommand } from "citty";
import { DEMO_MODEL } from "../demo-model.ts";
import { CliError, EXIT } from "../exit-code.ts";
import { DEFAULT_PORT } from "../local.ts";
import { repository } from "../repository.ts";
import { version } from "../version.ts";

/** Base units of an 18-decimals token: 0.000001 a prompt token, three times that an output token. */
const PROMPT_PRICE = 10n ** 12n;
const OUTPUT_PRICE = 3n * PROMPT_PRICE;
/** A channel holds enough for some hundred thousand tokens. */
const CHANNEL_AMOUNT = 10n ** 18n;
const MIN_KEY_CHARACTERS = 16;
/** The built web page. */
const SITE = join(repository, "packages", "explorer", "generated", "site");

const common = {
  network: {
    type: "string",
    description:
      'network file, or its URL ("assay up" and "assay deploy" write one, a gateway serves its own at /network.json)',
    required: true,
  },
  home: { type: "string", description: "directory of this role's key and database" },
  database: {
    type: "string",
    description:
      "postgres:// URL of a database of this role's own; else $ASSAY_DATABASE, else a file in --home",
  },
  listen: { type: "string", description: "multiaddress", default: "/ip4/127.0.0.1/tcp/0" },
  model: { type: "string", description: "program file", default: DEMO_MODEL.path },
} as const;

interface CommonArguments {
  readonly network: string;
  readonly home?: string | undefined;
  readonly database?: string | undefined;
  readonly listen: string;
  readonly model: string;
}

async function roleOptions(name: string, args: CommonArguments): Promise<RoleOptions> {
  const database = databaseUrl(args.database);
  const home = privateDirectory(args.home ? resolve(args.home) : join(assayHome(), name));
  return {
    home,
    ...(database === undefined ? {} : { database }),
    network: await loadNetwork(args.network),
    privateKey: loadOrCreateKey(join(home, "key")),
    listen: args.listen,
    models: [resolve(args.model)],
    log: createLogger(name),
  };
}

/** In the environment a password is not in the list of processes. */
function databaseUrl(argument: string | undefined): string | undefined {
  const url = argument ?? process.env["ASSAY_DATABASE"];
  if (url === undefined || url === "") return undefined;
  if (/^postgres(ql)?:\/\//.test(url)) return url;
  const from = argument === undefined ? "ASSAY_DATABASE" : "--database";
  throw new CliError(
    EXIT.usage,
    `${from} is no postgres:// URL; leave it out to keep the database in a file`,
  );
}

const startWorkerCommand = defineCommand({
  meta: { name: "start", description: "run a worker" },
  args: {
    ...common,
    slots: { type: "string", description: "tasks at once", default: "4" },
    cheat: {
      type: "string",
      description: `cheat on purpose, to see it caught: ${CHEATS.join(", ")}`,
    },
  },
  async run({ args }) {
    const { cheat } = args;
    if (cheat !== undefined && !isCheat(cheat)) {
      throw new CliError(
        EXIT.usage,
        `there is no cheat "${cheat}"; there are: ${CHEATS.join(", ")}`,
      );
    }
    const slots = Number(args.slots);
    if (!Number.isInteger(slots) || slots < 1) {
      throw new CliError(EXIT.usage, `--slots ${args.slots} is not a positive integer`);
    }
    // Loads while the parent prepares the network.
    const [{ startWorker }, options] = await Promise.all([
      import("@assay/node/worker"),
      roleOptions("worker", args),
    ]);
    const role = await startWorker({
      ...options,
      promptPrice: PROMPT_PRICE,
      outputPrice: OUTPUT_PRICE,
      slots,
      ...(cheat === undefined ? {} : { cheat }),
    });
    options.log.info({ addresses: role.addresses }, "worker serves");
    serveParent({ type: "ready" }, role.stop);
  },
});

const startVerifierCommand = defineCommand({
  meta: { name: "start", description: "run a verifier" },
  args: common,
  async run({ args }) {
    // Loads while the parent prepares the network.
    const [{ startVerifier }, options] = await Promise.all([
      import("@assay/node/verifier"),
      roleOptions("verifier", args),
    ]);
    const role = await startVerifier(options);
    options.log.info({ addresses: role.addresses }, "verifier serves");
    serveParent({ type: "ready" }, role.stop);
  },
});

const startGatewayCommand = defineCommand({
  meta: { name: "start", description: "run a gateway" },
  args: {
    ...common,
    host: { type: "string", description: "address to listen on", default: "127.0.0.1" },
    port: { type: "string", description: "HTTP port, 0 for any", default: String(DEFAULT_PORT) },
    "public-host": {
      type: "string",
      description: "names, with ports, that clients reach it by, separated by commas",
    },
    "public-rpc": {
      type: "string",
      description: "RPC for the page and /network.json, where the network file's has a key in it",
    },
    "api-keys": {
      type: "string",
      description: "file with a key a line; requests then need one, and other machines may ask",
    },
  },
  async run({ args }) {
    // Loads while the parent prepares the network.
    const [{ startGateway }, options] = await Promise.all([
      import("@assay/node/gateway"),
      roleOptions("gateway", args),
    ]);
    const gateway = await startGateway({
      ...options,
      host: args.host,
      port: Number(args.port),
      channelAmount: CHANNEL_AMOUNT,
      apiKeys: readApiKeys(args["api-keys"]),
      publicHosts: (args["public-host"] ?? "").split(",").filter((name) => name !== ""),
      ...(args["public-rpc"] === undefined ? {} : { publicRpc: args["public-rpc"] }),
      site: SITE,
      version,
    });
    options.log.info({ addresses: gateway.addresses, url: gateway.url }, "gateway serves");
    serveParent({ type: "ready", url: gateway.url }, gateway.stop);
  },
});

/** Keys of at least 16 characters, a line each; blank lines and lines that begin with # are none. */
function readApiKeys(path: string | undefined): readonly string[] {
  if (path === undefined) return [];
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new CliError(EXIT.usage, `cannot read the API keys in ${path}; check --api-keys`, {
      cause: error,
    });
  }
  const lines = text.split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const short = keys.findIndex((key) => key.length < MIN_KEY_CHARACTERS);
  if (keys.length === 0 || short >= 0) {
    const what = keys.length === 0 ? "holds no key" : `key ${short + 1} is too short to be one`;
    throw new CliError(
      EXIT.usage,
      `${path}: ${what}; put a key of ${MIN_KEY_CHARACTERS} or more characters on each line`,
    );
  }
  return keys;
}

export const worker = defineCommand({
  meta: { name: "worker", description: "run a worker" },
  subCommands: { start: startWorkerCommand },
});
export const verifier = defineCommand({
  meta: { name: "verifier", description: "run a verifier" },
  subCommands: { start: startVerifierCommand },
});
export const gateway = defineCommand({
  meta: { name: "gateway", description: "run a gateway" },
  subCommands: { start: startGatewayCommand },
});
