/** `assay up`: a whole network on this machine, optionally with a worker that cheats. */

import { CHEATS, type Cheat, isCheat, type LocalNetwork } from "@assay/node";
import type { Connection, CourtEvent } from "@assay/sdk";
import { defineCommand } from "citty";
import { CliError, EXIT } from "../exit-code.ts";
import { onInterrupt } from "../interrupt.ts";
import { connectTo, gatewayPort, portArgument, startHere } from "../local.ts";
import { integer } from "../numbers.ts";
import { createScreen, type Screen } from "../screen.ts";
import { hex, json, short, tokens, verdictLine } from "../words.ts";

/** Sums to ask while a cheater is waited for: each is another chance that it is its turn. */
const MAX_QUESTIONS = 40;
const CAUGHT_TIMEOUT_MS = 60_000;

export const up = defineCommand({
  meta: { name: "up", description: "start a network here and keep it up" },
  args: {
    workers: { type: "string", description: "how many workers", default: "3" },
    cheat: { type: "string", description: `make the first worker cheat: ${CHEATS.join(", ")}` },
    port: portArgument,
    exit: {
      type: "boolean",
      description: "stop when it is up; with --cheat, once the cheater is slashed",
    },
    json: { type: "boolean", description: "one JSON object a line instead of prose" },
  },
  async run({ args }) {
    const screen = createScreen(args.json === true);
    const { cheat } = args;
    if (cheat !== undefined && !isCheat(cheat)) {
      throw new CliError(
        EXIT.usage,
        `there is no cheat "${cheat}"; there are: ${CHEATS.join(", ")}`,
      );
    }
    const workers = integer("--workers", args.workers, 1);
    if (cheat !== undefined && workers < 2) {
      throw new CliError(
        EXIT.usage,
        "--cheat needs --workers 2 or more: the honest ones answer instead, and sit as jurors",
      );
    }
    const interrupted = onInterrupt();
    const network = await startHere({
      workers,
      port: await gatewayPort(args.port),
      onProgress: screen.progress,
      ...(cheat === undefined ? {} : { cheat }),
    });
    const failed = network.failed.then((why): never => {
      throw new CliError(EXIT.internal, `${why}; see ${network.logs}`);
    });
    try {
      await Promise.race([interrupted.promise, failed, network.complete]);
      describe(network, screen);
      if (cheat !== undefined) {
        await Promise.race([interrupted.promise, failed, showCheat(network, cheat, screen)]);
      }
      if (args.exit !== true && !interrupted.happened()) {
        screen.line("", "The network stays up until Ctrl-C.");
        await Promise.race([interrupted.promise, failed]);
      }
    } finally {
      screen.progress("stopping");
      await network.stop();
    }
  },
});

/** Cheats that leave a signature which proves them: all but passing off what somebody else has signed. */
const SLASHED: ReadonlySet<Cheat> = new Set(CHEATS.filter((cheat) => cheat !== "replay"));

function describe(network: LocalNetwork, screen: Screen): void {
  screen.line(`chain    ${network.network.rpc}`);
  for (const { name, pid } of network.roles()) screen.line(`${name.padEnd(8)} process ${pid}`);
  screen.line(
    `gateway  ${network.gatewayUrl} (a web page, and the API)`,
    `network  ${network.networkFile}`,
    `logs     ${network.logs}`,
  );
  screen.result(
    json({ version: 1, event: "up", gateway: network.gatewayUrl, network: network.networkFile }),
  );
}

/** Asks until the cheater has had its turn, was caught, and lost its stake. */
async function showCheat(network: LocalNetwork, cheat: Cheat, screen: Screen): Promise<void> {
  const connection = await connectTo({ ...network.network, gateway: network.gatewayUrl });
  const watching = new AbortController();
  const slashed = Promise.withResolvers<void>();
  const following = connection.watchCourt({
    fromBlock: await connection.chain.blockNumber(),
    signal: watching.signal,
    onEvent: (event) => {
      screen.line(`court    ${sentence(event)}`);
      screen.result(json({ version: 1, event: "court", ...event }));
      if (event.kind === "slashed") slashed.resolve();
    },
  });
  try {
    await askUntilMet(connection, network.cheater, screen);
    if (!SLASHED.has(cheat)) {
      screen.line(
        "caught   it signed nothing that could be held against it on chain, and is paid nothing",
      );
      return;
    }
    await Promise.race([
      slashed.promise,
      timeout(CAUGHT_TIMEOUT_MS, "the cheater was caught, but not slashed in time; see the logs"),
    ]);
  } finally {
    watching.abort();
    await following;
  }
}

/** Until the cheater was asked: its answer was turned down, or (with two receipts) delivered. */
async function askUntilMet(
  connection: Connection,
  cheater: Uint8Array | undefined,
  screen: Screen,
): Promise<void> {
  const name = cheater === undefined ? "" : hex(cheater);
  for (let i = 0; i < MAX_QUESTIONS; i++) {
    const question = `What is ${10 + ((i * 7) % 80)} + ${11 + ((i * 13) % 80)}?`;
    const answer = await connection.ask({
      model: "demo",
      messages: [{ role: "user", content: question }],
    });
    const turnedDown = answer.rejected.filter(({ worker }) => worker === name);
    for (const { worker, reason } of turnedDown) {
      screen.line(`caught   worker ${short(worker)}: ${reason}; its answer was not delivered`);
    }
    screen.line(
      `you      ${question}`,
      `demo     ${answer.text}  [${verdictLine(answer.verdict)}]`,
    );
    screen.result(
      json({
        version: 1,
        event: "answer",
        question,
        answer: answer.text,
        verified: answer.verdict.ok,
        rejected: answer.rejected,
      }),
    );
    const by = answer.verdict.file?.order.worker;
    if (turnedDown.length > 0 || (by !== undefined && hex(by) === name)) return;
  }
  throw new CliError(EXIT.timeout, `the cheater was not asked in ${MAX_QUESTIONS} questions`);
}

function sentence(event: CourtEvent): string {
  switch (event.kind) {
    case "challenged":
      return `case ${event.caseId}: ${short(event.challenger)} challenges receipt ${short(event.receiptHash)} of worker ${short(event.worker)}, with a bond (tx ${event.tx})`;
    case "drawn":
      return `case ${event.caseId}: ${short(event.juror)} is drawn by lot to run it again (tx ${event.tx})`;
    case "anchored":
      return `case ${event.caseId}: the juror was silent, another is drawn`;
    case "ruled":
      return `case ${event.caseId}: the juror finds ${event.fraud ? "fraud: the receipt is void, the worker is not paid" : "no fraud"} (tx ${event.tx})`;
    case "dismissed":
      return `case ${event.caseId}: dismissed, no juror spoke`;
    case "slashed":
      return `worker ${hex(event.party)} loses its stake of ${tokens(event.amount)} DEV: ${tokens(event.toChallenger)} to the challenger, ${tokens(event.toJuror)} to the juror, ${tokens(event.burned)} burned (tx ${event.tx})`;
  }
}

async function timeout(ms: number, what: string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new CliError(EXIT.timeout, what);
}
