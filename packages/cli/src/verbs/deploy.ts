/** `assay deploy`: a network of one's own, on any EVM chain by its RPC's URL. */

import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  addressOfKey,
  assayHome,
  type DeployedNetwork,
  deployNetwork,
  loadOrCreateKey,
  privateDirectory,
} from "@assay/node";
import { defineCommand } from "citty";
import { DEMO_MODEL } from "../demo-model.ts";
import { CliError, EXIT } from "../exit-code.ts";
import { amount, integer, positive } from "../numbers.ts";
import { createScreen } from "../screen.ts";
import { hex, json } from "../words.ts";

export const deploy = defineCommand({
  meta: {
    name: "deploy",
    description: "deploy the contracts to an EVM chain; writes a network file",
  },
  args: {
    rpc: { type: "string", description: "JSON-RPC URL of the chain", required: true },
    out: { type: "string", description: "network file to write", default: "network.json" },
    key: {
      type: "string",
      description:
        "file with the deployer's key; made if it is not there (default: in $ASSAY_HOME)",
    },
    token: {
      type: "string",
      description: "address of the ERC-20 that pays; default: a test token that you then own",
    },
    "window-seconds": {
      type: "string",
      description: "how long a batch can be challenged before it is paid",
      default: "3600",
    },
    "ruling-seconds": {
      type: "string",
      description: "how long a juror has for its ruling",
      default: "1800",
    },
    "block-seconds": {
      type: "string",
      description: "the chain's time from block to block; default: as its last hundred blocks took",
    },
    "min-stake": { type: "string", description: "least stake, in tokens", default: "100" },
    bond: { type: "string", description: "bond of a challenge, in tokens", default: "10" },
    model: { type: "string", description: "program file to register", default: DEMO_MODEL.path },
    name: { type: "string", description: "name of the model", default: DEMO_MODEL.name },
    json: { type: "boolean", description: "one JSON object instead of prose" },
  },
  async run({ args }) {
    const screen = createScreen(args.json === true);
    const blockSeconds = args["block-seconds"];
    const wish = {
      blockSeconds:
        blockSeconds === undefined ? undefined : positive("--block-seconds", blockSeconds),
      windowSeconds: integer("--window-seconds", args["window-seconds"], 1),
      rulingSeconds: integer("--ruling-seconds", args["ruling-seconds"], 1),
      minStake: amount("--min-stake", args["min-stake"]),
      bond: amount("--bond", args.bond),
    };
    const rpc = urlOf(args.rpc);
    const token = args.token === undefined ? {} : { token: addressOf("--token", args.token) };
    const keyFile = resolve(args.key ?? join(assayHome(), "deployer", "key"));
    privateDirectory(dirname(keyFile));
    const privateKey = loadOrCreateKey(keyFile);
    screen.progress(`deployer ${hex(addressOfKey(privateKey))}, whose key is in ${keyFile}`);
    const out = openNew(args.out);
    const deployed = await deployNetwork({
      rpc,
      privateKey,
      wish,
      ...token,
      model: { name: args.name, path: resolve(args.model) },
      onProgress: screen.progress,
      onDeployed: (network) => out.write(`${JSON.stringify(network, null, 2)}\n`),
    }).finally(out.close);
    tell(deployed, out.path, screen);
  },
});

/** Made before anything is paid for, so that what was deployed has a place; taken away again where nothing was. */
function openNew(text: string) {
  const path = resolve(text);
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    const why = existsSync(path) ? "is there already" : "cannot be written";
    throw new CliError(EXIT.usage, `${text} ${why}; choose another with --out`, { cause: error });
  }
  let isWritten = false;
  return {
    path,
    write(content: string): void {
      writeSync(file, content);
      fsyncSync(file);
      isWritten = true;
    },
    close(): void {
      closeSync(file);
      if (!isWritten) rmSync(path);
    },
  };
}

function tell(
  { network, terms }: DeployedNetwork,
  out: string,
  screen: ReturnType<typeof createScreen>,
): void {
  for (const [name, address] of Object.entries(network.contracts)) {
    screen.line(`${name.padEnd(10)} ${address}`);
  }
  screen.line(
    `window     ${terms.windowBlocks} blocks; unbonding ${terms.unbondingBlocks} blocks`,
    `network    ${out}`,
    "",
    "Then, on any machine (each role has a key of its own, and says what to send to its address):",
    `  assay gateway start --network ${out}`,
    `  assay worker start --network ${out}    # or the URL of a gateway's /network.json`,
    `  assay wallet send --network ${out} --to ADDRESS --tokens 1000 --coins 0.1`,
  );
  screen.result(json({ version: 1, file: out, network, terms }));
}

function urlOf(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new CliError(EXIT.usage, `--rpc ${text} is not an http(s) URL`);
}

export function addressOf(flag: string, text: string): `0x${string}` {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text as `0x${string}`;
  throw new CliError(
    EXIT.usage,
    `${flag} ${text} is not an address (0x and 40 hexadecimal digits)`,
  );
}
