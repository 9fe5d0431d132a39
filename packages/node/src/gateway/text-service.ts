/** Text on top of tasks: names to programs, messages to tokens, tokens to text, one request to one or more answers. */

import type { ChainReader } from "@assay/chain";
import {
  type ChatMessage,
  type ChatModel,
  createChatModel,
  createStopStream,
  cutAtStop,
} from "@assay/model/chat";
import { bytesToHex, choiceSeed, type Sampling } from "@assay/wire";
import type { LoadedModel } from "../models.ts";
import { type Answer, type AnswerContext, answer } from "./answer.ts";
import { ApiError } from "./http/api-error.ts";
import { type ScoredPosition, scoreOutput } from "./logprobs.ts";
import type { Queue } from "./queue.ts";
import type { TaskRequest } from "./run-order.ts";

/** An answer ends here when the client sets no limit. */
const DEFAULT_MAX_TOKENS = 256;

export interface HostedModel extends LoadedModel {
  readonly chat: ChatModel;
}

/** What a request says about each of its answers. */
interface Wish {
  readonly maxTokens?: number | null | undefined;
  readonly sampling: Sampling;
  readonly seed?: number | null | undefined;
  readonly stops?: readonly string[];
  /** The likeliest tokens to tell at each position; undefined for no log probabilities. */
  readonly topLogprobs?: number | undefined;
}

export interface PreparedTask {
  readonly model: HostedModel;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly wish: Wish;
}

/** One answer, as the client sees it. */
export interface Choice {
  readonly index: number;
  readonly answer: Answer;
  /** Without its end token, and without a stop sequence and what follows it. */
  readonly text: string;
  /** Of `text`, where the request asked for it. */
  readonly scores: readonly ScoredPosition[] | undefined;
}

export interface GenerateOptions {
  /** Text as it comes, before it is verified, from the first worker only. */
  readonly onText?: (index: number, text: string) => void;
  /** The first token of any choice is there. */
  readonly onFirstToken?: () => void;
  readonly signal?: AbortSignal;
}

export interface TextService {
  readonly models: () => readonly HostedModel[];
  /** Its registered name, or its root. */
  nameOf(model: HostedModel): Promise<string>;
  /** @throws {ApiError} for a name that is not registered, or not loaded here */
  resolve(name: string): Promise<HostedModel>;
  /** Renders and tokenises. @throws {ApiError} for what cannot be run */
  prepareChat(model: HostedModel, messages: readonly Message[], wish: Wish): PreparedTask;
  preparePrompt(model: HostedModel, prompt: string | readonly number[], wish: Wish): PreparedTask;
  /** Choice `index` of the task. @throws {AnswerError} when no worker gives one */
  generate(task: PreparedTask, index: number, options: GenerateOptions): Promise<Choice>;
}

interface Message {
  readonly role: "system" | "developer" | "user" | "assistant";
  readonly content: string;
}

export interface TextServiceOptions {
  readonly chain: ChainReader;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly answering: AnswerContext;
  readonly queue: Queue;
}

export function createTextService(options: TextServiceOptions): TextService {
  const { chain, models } = options;
  const hosted = new Map<string, HostedModel>(
    [...models].map(([root, model]) => [root, { ...model, chat: createChatModel(model.program) }]),
  );
  return {
    models: () => [...hosted.values()],
    nameOf: async ({ root }) => (await chain.nameOf(root)) ?? `0x${bytesToHex(root)}`,
    resolve: createResolver(chain, hosted),
    prepareChat: (model, messages, wish) => {
      const dialogue: ChatMessage[] = messages.map(({ role, content }) => ({
        role: role === "developer" ? "system" : role,
        content,
      }));
      return prepare(model, model.chat.renderPrompt(dialogue), wish, "messages");
    },
    preparePrompt: (model, prompt, wish) => {
      const tokens = typeof prompt === "string" ? model.chat.encodeText(prompt) : prompt;
      return prepare(model, tokens, wish, "prompt");
    },
    generate: (task, index, how) => generate(options, task, index, how),
  };
}

/** From a registered name or a root to a model that is loaded here. */
function createResolver(
  chain: ChainReader,
  hosted: ReadonlyMap<string, HostedModel>,
): (name: string) => Promise<HostedModel> {
  // Names never change in the registry, so each is asked for once.
  const names = new Map<string, HostedModel>();
  return async (name) => {
    const known = names.get(name) ?? hosted.get(name.replace(/^0x/, ""));
    if (known !== undefined) return known;
    const root = await chain.programOf(name).catch((cause: unknown) => {
      const message =
        "the gateway cannot read the model's name: its chain does not answer; try again";
      throw new ApiError(503, "chain_unavailable", message, null, { cause });
    });
    const model = root === undefined ? undefined : hosted.get(bytesToHex(root));
    if (model === undefined) {
      const why = root === undefined ? "is not registered" : "is registered, but not loaded here";
      const message = `the model "${name}" ${why}; see /v1/models`;
      throw new ApiError(404, "model_not_found", message, "model");
    }
    names.set(name, model);
    return model;
  };
}

function prepare(
  model: HostedModel,
  prompt: readonly number[],
  wish: Wish,
  param: string,
): PreparedTask {
  const { context, vocab } = model.program;
  if (prompt.length === 0) {
    throw new ApiError(400, "invalid_request", `${param}: has no tokens`, param);
  }
  const unknown = prompt.find((token) => token >= vocab);
  if (unknown !== undefined) {
    const message = `${param}: token ${unknown} is beyond the model's ${vocab}`;
    throw new ApiError(400, "invalid_request", message, param);
  }
  const room = context - prompt.length + 1;
  if (room < 1) {
    const message = `the ${param} ${param === "prompt" ? "has" : "have"} ${prompt.length} tokens, the model takes ${context}`;
    throw new ApiError(400, "context_length_exceeded", message, param);
  }
  return { model, prompt, maxTokens: Math.min(wish.maxTokens ?? DEFAULT_MAX_TOKENS, room), wish };
}

function requestOf({ model, prompt, maxTokens, wish }: PreparedTask, index: number): TaskRequest {
  return {
    programRoot: model.root,
    prompt,
    maxTokens,
    sampling: wish.sampling,
    endTokens: model.program.endTokens,
    ...(wish.seed == null ? {} : { clientSeed: choiceSeed(BigInt(wish.seed), index) }),
  };
}

async function generate(
  { answering, queue }: TextServiceOptions,
  task: PreparedTask,
  index: number,
  { onText, onFirstToken, signal }: GenerateOptions,
): Promise<Choice> {
  const stops = task.wish.stops ?? [];
  const show = onText === undefined ? undefined : createShower(task, onText, index);
  const leave = await queue.enter(signal);
  try {
    const given = await answer(answering, {
      request: requestOf(task, index),
      ...(show === undefined
        ? {}
        : {
            onTokens: (tokens: readonly number[]) => {
              onFirstToken?.();
              show.push(tokens);
            },
          }),
      ...(stops.length === 0 ? {} : { enough: (output) => enoughFor(task, output) }),
      ...(signal === undefined ? {} : { signal }),
    });
    onFirstToken?.();
    show?.end();
    return choiceOf(task, index, given);
  } finally {
    leave();
  }
}

function choiceOf(task: PreparedTask, index: number, given: Answer): Choice {
  const { model, prompt, wish } = task;
  const { output } = given.file;
  const { text } = cutAtStop(textOf(model, output), wish.stops ?? []);
  const { topLogprobs } = wish;
  const shown = output.slice(0, tokensOf(model, output, text.length));
  return {
    index,
    answer: given,
    text,
    scores:
      topLogprobs === undefined ? undefined : scoreOutput(model.engine, prompt, shown, topLogprobs),
  };
}

/** Shows text as tokens come, as far as no stop sequence begins. */
function createShower(
  { model, wish }: PreparedTask,
  onText: (index: number, text: string) => void,
  index: number,
) {
  const decoder = model.chat.textStream();
  const stopping = createStopStream(wish.stops ?? []);
  const show = (text: string): void => {
    if (text !== "") onText(index, text);
  };
  return {
    push(tokens: readonly number[]): void {
      show(stopping.push(withoutEnds(model, tokens).map(decoder.push).join("")));
    },
    end(): void {
      show(stopping.push(decoder.end()) + stopping.end());
    },
  };
}

/** With how many tokens the text has a stop sequence; undefined while it has none. */
function enoughFor({ model, wish }: PreparedTask, output: readonly number[]): number | undefined {
  const decoder = model.chat.textStream();
  let text = "";
  for (const [index, token] of output.entries()) {
    if (!model.program.endTokens.includes(token)) text += decoder.push(token);
    if (cutAtStop(text, wish.stops ?? []).stopped) return index + 1;
  }
  return undefined;
}

/** How many tokens it takes to have this much text; end tokens have none. */
function tokensOf(model: HostedModel, output: readonly number[], characters: number): number {
  const decoder = model.chat.textStream();
  let text = "";
  let count = 0;
  for (const token of withoutEnds(model, output)) {
    if (text.length >= characters) break;
    text += decoder.push(token);
    count += 1;
  }
  return count;
}

const withoutEnds = ({ program }: HostedModel, tokens: readonly number[]): readonly number[] =>
  tokens.filter((token) => !program.endTokens.includes(token));

function textOf(model: HostedModel, output: readonly number[]): string {
  const decoder = model.chat.textStream();
  return withoutEnds(model, output).map(decoder.push).join("") + decoder.end();
}
