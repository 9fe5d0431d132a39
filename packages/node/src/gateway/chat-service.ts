/** Chat on top of tasks: names to programs, messages to tokens, tokens to text. */

import type { ChainReader } from "@assay/chain";
import { type ChatModel, createChatModel } from "@assay/model/chat";
import { bytesToHex } from "@assay/wire";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { LoadedModel } from "../models.ts";
import { type Answer, type AnswerContext, answer } from "./answer.ts";
import { type ChatRequest, samplingOf } from "./chat-request.ts";
import type { TaskRequest } from "./run-order.ts";

/** An answer of a plain chat ends here when the client sets no limit. */
const DEFAULT_MAX_TOKENS = 256;

/** An error with OpenAI's code, parameter and HTTP status. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly param: string | null;

  constructor(
    status: ContentfulStatusCode,
    code: string,
    message: string,
    param: string | null = null,
  ) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

export interface PreparedTask {
  readonly request: TaskRequest;
  readonly model: HostedChat;
}

interface HostedChat extends LoadedModel {
  readonly chat: ChatModel;
}

export interface ChatService {
  /** OpenAI's model objects. */
  models(): Promise<readonly object[]>;
  /** Resolves the name, renders and tokenises. @throws {ApiError} for what cannot be run. */
  prepare(request: ChatRequest): Promise<PreparedTask>;
  answer(
    task: PreparedTask,
    options: {
      readonly onTokens?: (tokens: readonly number[]) => void;
      readonly signal?: AbortSignal;
    },
  ): Promise<Answer>;
  /** Text of a whole answer, without its end token. */
  text(task: PreparedTask, tokens: readonly number[]): string;
  /** Text as tokens come; never half a character. */
  textStream(task: PreparedTask): { push(tokens: readonly number[]): string; end(): string };
}

export interface ChatServiceOptions {
  readonly chain: ChainReader;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly answering: AnswerContext;
}

export function createChatService({ chain, models, answering }: ChatServiceOptions): ChatService {
  const hosted = new Map<string, HostedChat>(
    [...models].map(([root, model]) => [root, { ...model, chat: createChatModel(model.program) }]),
  );
  const resolve = createResolver(chain, hosted);
  return {
    models: () => Promise.all([...hosted.values()].map((model) => describeModel(chain, model))),
    prepare: async (request) => prepareTask(await resolve(request.model), request),
    answer: (task, how) => answer(answering, { request: task.request, ...how }),
    text: ({ model }, tokens) => {
      const stream = model.chat.textStream();
      return pushAll(stream, tokens, model) + stream.end();
    },
    textStream: ({ model }) => {
      const stream = model.chat.textStream();
      return { push: (tokens) => pushAll(stream, tokens, model), end: () => stream.end() };
    },
  };
}

async function describeModel(chain: ChainReader, { root }: HostedChat): Promise<object> {
  const hex = `0x${bytesToHex(root)}`;
  return {
    id: (await chain.nameOf(root)) ?? hex,
    object: "model",
    created: 0,
    owned_by: "assay",
    program_root: hex,
  };
}

/** From a registered name or a root to a model that is loaded here. */
function createResolver(
  chain: ChainReader,
  hosted: ReadonlyMap<string, HostedChat>,
): (name: string) => Promise<HostedChat> {
  // Names never change in the registry, so each is asked for once.
  const names = new Map<string, HostedChat>();
  return async (name) => {
    const known = names.get(name) ?? hosted.get(name.replace(/^0x/, ""));
    if (known !== undefined) return known;
    const root = await chain.programOf(name);
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

function prepareTask(model: HostedChat, request: ChatRequest): PreparedTask {
  const messages = request.messages.map(({ role, content }) => ({
    role: role === "developer" ? ("system" as const) : role,
    content,
  }));
  const prompt = model.chat.renderPrompt(messages);
  const { context } = model.program;
  const room = context - prompt.length + 1;
  if (room < 1) {
    const message = `the messages have ${prompt.length} tokens, the model takes ${context}`;
    throw new ApiError(400, "context_length_exceeded", message, "messages");
  }
  const asked = request.max_completion_tokens ?? request.max_tokens ?? DEFAULT_MAX_TOKENS;
  return {
    model,
    request: {
      programRoot: model.root,
      prompt,
      maxTokens: Math.min(asked, room),
      sampling: samplingOf(request),
      endTokens: model.program.endTokens,
      ...(request.seed == null ? {} : { clientSeed: BigInt(request.seed) }),
    },
  };
}

function pushAll(
  stream: ReturnType<ChatModel["textStream"]>,
  tokens: readonly number[],
  { program }: HostedChat,
): string {
  return tokens
    .filter((token) => !program.endTokens.includes(token))
    .map((token) => stream.push(token))
    .join("");
}
