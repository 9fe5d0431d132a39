/** The worker thread of the page that a gateway serves: asks it, and checks what it says in this tab. */

import { type Answer, type Connection, connect } from "@assay/sdk";
import { hex, openProgram, summaryOf, timedChecks } from "./checking.ts";
import type { AskJob, TamperJob } from "./messages.ts";
import { serveJobs, type Tell, verifyAlone } from "./serve-jobs.ts";
import { tamper } from "./tamper.ts";

const PAID_TIMEOUT_MS = 60_000;
/** A program is loaded as a whole; what is larger needs another client. */
const MAX_PROGRAM_BYTES = 1024 ** 3;

interface Asked {
  readonly answer: Answer;
  readonly vocab: number;
}
let asked: Asked | undefined;

/** What the gateway that served this page has at `path`. @throws in words, where it does not answer or refuses */
async function fetchHere(path: string, apiKey: string | undefined): Promise<Response> {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const response = await fetch(path, { headers }).catch((cause: unknown) => {
    const message = `the gateway at ${location.origin} cannot be reached; it may have stopped, try again when it is back`;
    throw new Error(message, { cause });
  });
  if (!response.ok) throw new Error(await problemOf(response));
  return response;
}

async function fetchProgram(
  root: string,
  apiKey: string | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetchHere(`/v1/programs/${root}`, apiKey);
  if (Number(response.headers.get("content-length")) > MAX_PROGRAM_BYTES) {
    throw new Error("the program is too large for a browser tab; use the assay command");
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function problemOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined);
  const error: unknown =
    typeof body === "object" && body !== null ? Reflect.get(body, "error") : {};
  const message: unknown =
    typeof error === "object" && error !== null ? Reflect.get(error, "message") : undefined;
  return typeof message === "string" ? message : `the gateway answered ${response.status}`;
}

/** A connection for each job that asks: the network file says which chain, and the chain says which root a name has. */
async function open({ apiKey }: AskJob, tell: Tell): Promise<Connection> {
  const network = await (await fetchHere("/network.json", apiKey)).json();
  return connect({
    network,
    gateway: location.origin,
    ...(apiKey === undefined ? {} : { apiKey }),
    loadProgram: async (root) => {
      const bytes = await fetchProgram(hex(root), apiKey);
      openProgram(
        bytes,
        `the registry on chain ${network.chainId}, read from ${network.rpc}`,
        tell,
      );
      return bytes;
    },
  });
}

async function ask(job: AskJob, tell: Tell): Promise<void> {
  const connection = await open(job, tell);
  const fromBlock = await connection.chain.blockNumber();
  const model = await connection.model(job.model);
  const timed = timedChecks(tell);
  const answer = await connection.ask({
    model: job.model,
    messages: [{ role: "user", content: job.prompt }],
    maxTokens: job.maxTokens,
    temperature: job.temperature,
    ...(job.seed === undefined ? {} : { seed: job.seed }),
    onText: (text) => tell({ type: "text", text }),
    onReceipt: (file) => {
      tell({ type: "receipt", file });
      timed.begin();
    },
    onCheck: timed.onCheck,
  });
  asked = { answer, vocab: model.program.vocab };
  tell({
    type: "verdict",
    summary: summaryOf(answer.verdict, model, answer.faithful, timed.total()),
  });
  if (!answer.verdict.ok) return;
  const signal = AbortSignal.timeout(PAID_TIMEOUT_MS);
  const { amount, block } = await connection.paid(answer, { fromBlock, signal });
  tell({ type: "paid", amount: String(amount), block: String(block) });
}

function tamperWith({ tampering }: TamperJob, tell: Tell): void {
  if (asked === undefined) throw new Error("there is no answer to tamper with yet");
  const { answer, vocab } = asked;
  const { file, change } = tamper(answer.receipt, tampering, vocab, randomBelow);
  tell({ type: "tampered", change });
  tell({ type: "receipt", file });
  const timed = timedChecks(tell);
  const verdict = answer.judge(file, timed.onCheck);
  tell({ type: "verdict", summary: summaryOf(verdict, undefined, true, timed.total()) });
}

const randomBelow = (below: number): number =>
  (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % below;

serveJobs({
  ask,
  tamper: tamperWith,
  verify: (job, tell) => verifyAlone(job, tell, (root) => fetchProgram(root, job.apiKey)),
});
