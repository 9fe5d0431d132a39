/** `assay start`: the whole network, one question, the verdict, the payment. */

import type { LocalNetwork } from "@assay/node";
import type { Answer, Connection, Payment } from "@assay/sdk";
import { describeVerdict } from "@assay/verifier";
import { defineCommand } from "citty";
import { CliError, EXIT } from "../exit-code.ts";
import { onInterrupt } from "../interrupt.ts";
import { connectTo, gatewayPort, portArgument, startHere } from "../local.ts";
import { createScreen, type Screen } from "../screen.ts";
import { hex, json, objection, short, tokens } from "../words.ts";

const QUESTION = "What is 17 + 25?";
const PAY_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 3;

export const start = defineCommand({
  meta: {
    name: "start",
    description:
      "start a network here, ask it one question, verify the answer, watch it being paid",
  },
  args: {
    exit: {
      type: "boolean",
      description: "stop after the answer; exit 0 only if verified and paid",
    },
    port: portArgument,
    json: { type: "boolean", description: "one JSON object instead of prose" },
  },
  async run({ args }) {
    const screen = createScreen(args.json === true);
    const interrupted = onInterrupt();
    const network = await startHere({
      workers: 3,
      port: await gatewayPort(args.port),
      onProgress: screen.progress,
    });
    const failed = network.failed.then((why): never => {
      throw new CliError(EXIT.internal, `${why}; see ${network.logs}`);
    });
    try {
      await Promise.race([interrupted.promise, failed, demonstrate(network, screen)]);
      if (args.exit !== true && !interrupted.happened()) {
        await Promise.race([interrupted.promise, failed, network.complete]);
        screen.line("", "The network stays up until Ctrl-C.");
        await Promise.race([interrupted.promise, failed]);
      }
    } finally {
      screen.progress("stopping");
      await network.stop();
    }
    if (interrupted.happened() && args.exit === true) process.exitCode = EXIT.interrupted;
  },
});

async function demonstrate(network: LocalNetwork, screen: Screen): Promise<void> {
  describeNetwork(network, screen);
  const connection = await connectTo({ ...network.network, gateway: network.gatewayUrl });
  const fromBlock = await connection.chain.blockNumber();
  const answer = await askVerified(connection, screen);
  screen.line("", "Verified in this process, with its own copy of the model:");
  for (const line of describeVerdict(answer.verdict)) screen.line(`  ${line}`);
  screen.progress("waiting for the challenge window of three blocks, and the payment");
  const payment = await connection
    .paid(answer, { fromBlock, signal: AbortSignal.timeout(PAY_TIMEOUT_MS) })
    .catch((error: unknown) => {
      throw new CliError(
        EXIT.notPaid,
        `the worker was not paid within ${PAY_TIMEOUT_MS / 1_000} s`,
        {
          cause: error,
        },
      );
    });
  describePayment(answer, payment, screen);
  describeNext(network, screen);
  screen.result(json({ version: 1, ...summary(answer), payment, gateway: network.gatewayUrl }));
}

function describeNetwork(network: LocalNetwork, screen: Screen): void {
  const names = network
    .roles()
    .map(({ name, pid }) => `${name} (${pid})`)
    .join(", ");
  screen.line("A network for AI compute that proves itself, on this machine:");
  screen.line(
    `  chain      ${network.network.rpc} (development chain, process ${network.chain.pid})`,
  );
  screen.line(`  processes  ${names}`);
  screen.line(`  gateway    ${network.gatewayUrl} (OpenAI-compatible)`);
  screen.line(`  logs       ${network.logs}`);
}

/** Streams; if the receipt does not hold, says so and asks again (the gateway then leaves that worker out). */
async function askVerified(connection: Connection, screen: Screen): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    screen.line("", `You:   ${QUESTION}`);
    screen.write("demo:  ");
    const answer = await connection.ask({
      model: "demo",
      messages: [{ role: "user", content: QUESTION }],
      onText: screen.write,
    });
    screen.write("\n");
    const why = objection(answer);
    if (why === null) return answer;
    screen.line(`       ${why}`);
    if (attempt === MAX_ATTEMPTS) {
      throw new CliError(EXIT.notVerified, `no verified answer in ${MAX_ATTEMPTS} attempts`);
    }
  }
}

function describePayment(answer: Answer, payment: Payment, screen: Screen): void {
  const { file } = answer.verdict;
  if (file === null) return;
  const { promptTokens, outputTokens, price } = file.receipt;
  const how =
    payment.by === "voucher"
      ? "by the gateway's voucher, redeemed"
      : "for the receipt that it had published,";
  screen.line("", "Paid, on chain, after the challenge window:");
  screen.line(
    `  worker ${short(file.order.worker)} earned ${tokens(price)} DEV for ${promptTokens} prompt and ${outputTokens} output tokens,`,
    `  ${how} in transaction ${payment.hash} (block ${payment.block}): ${tokens(payment.amount)} DEV moved`,
  );
}

function describeNext(network: LocalNetwork, screen: Screen): void {
  screen.line(
    "",
    "Go on (a demo model, small: it adds, spells and tells dates; do not expect more):",
    `  open ${network.gatewayUrl}/ in a browser: the tab checks the answer by itself`,
    `  curl ${network.gatewayUrl}/v1/chat/completions -H 'content-type: application/json' \\`,
    `    -d '{"model":"demo","messages":[{"role":"user","content":"What is 8 + 64?"}]}'`,
    `  npx --no-install assay ask "Spell the word apple." --receipt apple.receipt`,
    "  npx --no-install assay verify apple.receipt --explain",
  );
}

function summary(answer: Answer) {
  const { file, receiptHash } = answer.verdict;
  return {
    question: QUESTION,
    answer: answer.text,
    verified: answer.verdict.ok,
    receiptId: receiptHash === null ? null : hex(receiptHash),
    worker: file === null ? null : hex(file.order.worker),
    programRoot: file === null ? null : hex(file.order.programRoot),
    checks: answer.verdict.checks.map(({ number, name, status }) => ({ number, name, status })),
  };
}
