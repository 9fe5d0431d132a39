/** `assay wallet show|send`: what a key's account holds on a network, and sending from it. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type Account,
  accountOn,
  addressOfKey,
  assayHome,
  loadNetwork,
  loadOrCreateKey,
  send,
} from "@assay/node";
import { defineCommand } from "citty";
import { CliError, EXIT } from "../exit-code.ts";
import { amount } from "../numbers.ts";
import { createScreen, type Screen } from "../screen.ts";
import { json, tokens } from "../words.ts";
import { addressOf } from "./deploy.ts";

const common = {
  network: { type: "string", description: "network file, or its URL", required: true },
  key: { type: "string", description: "key file; default: the deployer's, in $ASSAY_HOME" },
  json: { type: "boolean", description: "one JSON object instead of prose" },
} as const;

/** An account of nobody's would only be made here by mistake. */
function keyIn(path: string | undefined): Uint8Array {
  const file = resolve(path ?? join(assayHome(), "deployer", "key"));
  if (existsSync(file)) return loadOrCreateKey(file);
  throw new CliError(
    EXIT.usage,
    `there is no key in ${file}; roles keep theirs in HOME/key, give it with --key`,
  );
}

const show = defineCommand({
  meta: { name: "show", description: "address, tokens, coins for fees, stake" },
  args: {
    ...common,
    address: { type: "string", description: "of this account instead of the key's" },
  },
  async run({ args }) {
    const screen = createScreen(args.json === true);
    const party =
      args.address === undefined
        ? addressOfKey(keyIn(args.key))
        : bytesOf(addressOf("--address", args.address));
    tell(await accountOn(await loadNetwork(args.network), party), screen);
  },
});

const sendCommand = defineCommand({
  meta: { name: "send", description: "send tokens, and coins for fees, to an address" },
  args: {
    ...common,
    to: { type: "string", description: "address", required: true },
    tokens: { type: "string", description: "how many tokens", default: "0" },
    coins: { type: "string", description: "how many of the chain's coins", default: "0" },
  },
  async run({ args }) {
    const screen = createScreen(args.json === true);
    const key = keyIn(args.key);
    const network = await loadNetwork(args.network);
    const party = bytesOf(addressOf("--to", args.to));
    const wish = {
      party,
      tokens: amount("--tokens", args.tokens),
      wei: amount("--coins", args.coins),
    };
    if (wish.tokens === 0n && wish.wei === 0n) {
      throw new CliError(EXIT.usage, "nothing to send: say how much with --tokens or --coins");
    }
    const own = await accountOn(network, addressOfKey(key));
    for (const [what, needed, held] of [
      ["tokens", wish.tokens, own.tokens],
      ["coins", wish.wei, own.coins],
    ] as const) {
      if (held >= needed) continue;
      throw new CliError(
        EXIT.usage,
        `${own.address} holds ${tokens(held)} ${what}, fewer than the ${tokens(needed)} to send`,
      );
    }
    await send(network, key, wish);
    screen.progress("sent; the account that received it now:");
    tell(await accountOn(network, party), screen);
  },
});

function tell(account: Account, screen: Screen): void {
  screen.line(
    `address  ${account.address}`,
    `chain    ${account.chainId}`,
    `tokens   ${tokens(account.tokens)} of ${account.token}`,
    `coins    ${tokens(account.coins)}`,
    `staked   ${tokens(account.staked)}`,
  );
  screen.result(json({ version: 1, ...account }));
}

const bytesOf = (address: string): Uint8Array =>
  Uint8Array.from(Buffer.from(address.slice(2), "hex"));

export const wallet = defineCommand({
  meta: { name: "wallet", description: "accounts: what they hold, and sending from them" },
  subCommands: { show, send: sendCommand },
});
