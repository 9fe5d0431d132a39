/** `assay ask "…"`: one verified answer. */

import { writeFileSync } from "node:fs";
import type { Answer, Connection } from "@assay/sdk";
import { defineCommand } from "citty";
import { CliError, EXIT } from "../exit-code.ts";
import { onInterrupt } from "../interrupt.ts";
import { connectTo, runningNetwork, startHere } from "../local.ts";
import { integer, number } from "../numbers.ts";
import { createScreen, type Screen } from "../screen.ts";
import { hex, json, objection, short, verdictLine } from "../words.ts";

const MAX_ATTEMPTS = 3;

export const ask = defineCommand({
  meta: { name: "ask", description: "ask one question; the answer is verified in this process" },
  args: {
    question: { type: "positional", description: "the question", required: true },
    model: { type: "string", description: "registered name", default: "demo" },
    program: {
      type: "string",
      description: "program file of the model, if it is not the demo model",
    },
    network: { type: "string", description: "network file; default: the network that runs here" },
    receipt: { type: "string", description: "save the receipt file here" },
    "max-tokens": { type: "string", description: "most tokens of the answer" },
    temperature: { type: "string", description: "0 (greedy, the default) or 0.0625 to 2" },
    "top-p": { type: "string", description: "above 0, up to 1" },
    seed: { type: "string", description: "explicit seed: the same question gives the same answer" },
    json: { type: "boolean", description: "one JSON object instead of prose" },
  },
  async run({ args }) {
    const screen = createScreen(args.json === true);
    const question: Question = {
      model: args.model,
      text: args.question,
      ...optional("maxTokens", args["max-tokens"], (text) => integer("--max-tokens", text, 1)),
      ...optional("temperature", args.temperature, (text) => number("--temperature", text)),
      ...optional("topP", args["top-p"], (text) => number("--top-p", text)),
      ...optional("seed", args.seed, (text) => integer("--seed", text, 0)),
    };
    const programs = args.program === undefined ? [] : [args.program];
    await withNetwork(args.network, programs, screen, async (connection) => {
      const answer = await askOne(connection, question, screen);
      if (args.receipt !== undefined) save(args.receipt, answer.receipt, screen);
      report(answer, screen);
    });
  },
});

interface Question {
  readonly model: string;
  readonly text: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
}

function optional<Name extends string, T>(
  name: Name,
  text: string | undefined,
  read: (text: string) => T,
): { readonly [N in Name]?: T } {
  if (text === undefined) return {};
  const value: { [N in Name]?: T } = {};
  value[name] = read(text);
  return value;
}

/** The network that runs here, or one that lives as long as this command. */
async function withNetwork(
  path: string | undefined,
  programs: readonly string[],
  screen: Screen,
  task: (connection: Connection) => Promise<void>,
): Promise<void> {
  const running = await runningNetwork(path);
  if (running !== undefined) return task(await connectTo(running, programs));
  screen.progress("no network runs here; starting one for this question");
  const interrupted = onInterrupt();
  const network = await startHere({ workers: 1, port: 0, onProgress: screen.progress });
  try {
    const asking = connectTo({ ...network.network, gateway: network.gatewayUrl }, programs);
    await Promise.race([interrupted.promise, asking.then(task)]);
  } finally {
    await network.stop();
  }
  if (interrupted.happened()) process.exitCode = EXIT.interrupted;
}

/** Streams; an answer that does not verify is named, and the question asked again. */
async function askOne(connection: Connection, question: Question, screen: Screen): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const { text, ...options } = question;
    const answer = await connection.ask({
      ...options,
      messages: [{ role: "user", content: text }],
      onText: screen.write,
    });
    screen.write("\n");
    const why = objection(answer);
    if (why === null || attempt === MAX_ATTEMPTS) return answer;
    screen.progress(`${why}; asking again`);
  }
}

function save(path: string, receipt: Uint8Array, screen: Screen): void {
  try {
    writeFileSync(path, receipt);
  } catch (error) {
    throw new CliError(EXIT.usage, `cannot write the receipt to ${path}; check --receipt`, {
      cause: error,
    });
  }
  screen.progress(`receipt saved to ${path}; "assay verify ${path} --explain" checks it offline`);
}

function report(answer: Answer, screen: Screen): void {
  const { verdict } = answer;
  const worker = verdict.file === null ? "?" : short(verdict.file.order.worker);
  const why = objection(answer);
  screen.line(`[${why ?? verdictLine(verdict)}; worker ${worker}]`);
  screen.result(
    json({
      version: 1,
      answer: answer.text,
      verified: why === null,
      reason: verdict.reason ?? why,
      receiptId: verdict.receiptHash === null ? null : hex(verdict.receiptHash),
      worker: verdict.file === null ? null : hex(verdict.file.order.worker),
      checks: verdict.checks,
      assurance: verdict.assurance,
    }),
  );
  if (why !== null) process.exitCode = EXIT.notVerified;
}
