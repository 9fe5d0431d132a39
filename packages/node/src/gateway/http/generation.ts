/** All answers that a request asks for, and what the response says of each beside its text. */

import { bytesToHex, FINISH_REASONS, receiptHash } from "@assay/wire";
import { AnswerError } from "../answer.ts";
import type { Metrics } from "../metrics.ts";
import type { Choice, GenerateOptions, PreparedTask, TextService } from "../text-service.ts";

export interface GenerationContext {
  readonly text: TextService;
  readonly metrics: Metrics;
}

export interface GenerationOptions extends Omit<GenerateOptions, "onFirstToken"> {
  /** Answers to each task. */
  readonly count: number;
}

/** `count` choices of each task, in order. The first that fails ends the others. */
export async function generateAll(
  { text, metrics }: GenerationContext,
  tasks: readonly PreparedTask[],
  { count, onText, signal }: GenerationOptions,
): Promise<readonly Choice[]> {
  const started = performance.now();
  let isFirst = true;
  const onFirstToken = (): void => {
    if (isFirst) metrics.firstToken((performance.now() - started) / 1_000);
    isFirst = false;
  };
  const failing = new AbortController();
  const either = signal === undefined ? failing.signal : AbortSignal.any([signal, failing.signal]);
  try {
    return await Promise.all(
      tasks.flatMap((task, at) =>
        Array.from({ length: count }, async (_, choice) => {
          const index = at * count + choice;
          const made = await text.generate(task, choice, {
            onFirstToken,
            signal: either,
            ...(onText === undefined ? {} : { onText: (_choice, piece) => onText(index, piece) }),
          });
          note(metrics, made);
          return { ...made, index };
        }),
      ),
    );
  } catch (error) {
    failing.abort(error);
    if (!signal?.aborted) metrics.failed(whyFailed(error));
    throw error;
  }
}

function note(metrics: Metrics, { answer }: Choice): void {
  const { promptTokens, outputTokens } = answer.file.receipt;
  const { rejected, verdict } = answer;
  metrics.answered({ verified: verdict.ok, rejected, promptTokens, outputTokens });
}

function whyFailed(error: unknown): "busy" | "no_worker" | "error" {
  if (!(error instanceof AnswerError)) return "error";
  return error.detail.code === "BUSY" ? "busy" : "no_worker";
}

const hex = (bytes: Uint8Array): string => `0x${bytesToHex(bytes)}`;

export const receiptIdOf = ({ answer }: Choice): string => hex(receiptHash(answer.file.receipt));

/** The receipt file and what this gateway found; a client that checks by itself needs only the file. */
function assayOfChoice(choice: Choice) {
  const { file, bytes, verdict, rejected } = choice.answer;
  return {
    receipt_id: receiptIdOf(choice),
    receipt: Buffer.from(bytes).toString("base64"),
    worker: hex(file.order.worker),
    program_root: hex(file.order.programRoot),
    verified_by_gateway: verdict.ok,
    reason: verdict.reason,
    rejected: rejected.map(({ worker, kind, reason }) => ({ worker, kind, reason })),
  };
}

/** Of the first choice, and of each where there are several. */
export function assayOf(choices: readonly Choice[]) {
  const [first] = choices;
  if (first === undefined) throw new RangeError("a response has at least one choice");
  const each =
    choices.length === 1
      ? {}
      : { choices: choices.map((choice) => ({ index: choice.index, ...assayOfChoice(choice) })) };
  return { ...assayOfChoice(first), ...each };
}

/** A prompt counts once, however many answers it has. */
export function usageOf(choices: readonly Choice[], perTask: number) {
  let prompt = 0;
  let output = 0;
  for (const [place, { answer }] of choices.entries()) {
    if (place % perTask === 0) prompt += answer.file.receipt.promptTokens;
    output += answer.file.receipt.outputTokens;
  }
  return { prompt_tokens: prompt, completion_tokens: output, total_tokens: prompt + output };
}

/** What was cut was cut at a stop sequence. */
export const finishOf = ({ answer }: Choice): "stop" | "length" =>
  answer.file.receipt.finishReason === FINISH_REASONS.length ? "length" : "stop";
