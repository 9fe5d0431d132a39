/** The worker thread's side: takes a job, tells what comes of it, one job at a time. */

import { hexToBytes } from "@assay/wire";
import { hex, judgeAlone, openedProgram, openProgram, rootNamedBy } from "./checking.ts";
import type { AskJob, Envelope, Job, News, TamperJob, VerifyJob } from "./messages.ts";

export type Tell = (news: News) => void;

interface Handlers {
  readonly ask: (job: AskJob, tell: Tell) => Promise<void> | void;
  readonly tamper: (job: TamperJob, tell: Tell) => Promise<void> | void;
  readonly verify: (job: VerifyJob, tell: Tell) => Promise<void> | void;
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Envelope<Job>>) => void) | null;
  postMessage(message: Envelope<News>): void;
};

export function serveJobs(handlers: Handlers): void {
  scope.onmessage = async ({ data: { id, content: job } }) => {
    const tell: Tell = (content) => scope.postMessage({ id, content });
    try {
      if (job.type === "ask") await handlers.ask(job, tell);
      else if (job.type === "tamper") await handlers.tamper(job, tell);
      else await handlers.verify(job, tell);
    } catch (error) {
      tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  };
}

/** Verifies a file by itself. `fetchProgram` brings a program that the user did not give. */
export async function verifyAlone(
  { file, program, pinnedRoot }: VerifyJob,
  tell: Tell,
  fetchProgram: (root: string) => Promise<Uint8Array> | Uint8Array,
): Promise<void> {
  const given = program === undefined ? undefined : openProgram(program, "a file here", tell);
  const wanted = rootNamedBy(file);
  if (wanted === undefined) {
    judgeAlone(undefined, file, undefined, tell);
    return;
  }
  const held = given ?? openedProgram(wanted);
  const model =
    held !== undefined && (hex(held.root) === wanted || pinnedRoot === hex(held.root))
      ? held
      : openProgram(await fetchProgram(wanted), "the gateway", tell);
  judgeAlone(
    model,
    file,
    pinnedRoot === undefined ? undefined : hexToBytes(pinnedRoot.slice(2)),
    tell,
  );
}
