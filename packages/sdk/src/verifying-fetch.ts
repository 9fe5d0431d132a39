/**
 * A `fetch` that verifies: under any OpenAI client, each answer of a gateway is checked in this process, against the
 * request that the client sent, before or (streamed) as soon as it has been read. What the gateway says of itself counts for nothing.
 */

import { type Asked, understand } from "./asked.ts";
import { type CheckedChoice, checkChoices } from "./check-choices.ts";
import { isObject, type JsonObject, numberOf, objectsOf, parseJson, textOf } from "./json.ts";
import type { ClientModel, VerifyOptions } from "./model.ts";
import { SdkError } from "./sdk-error.ts";

export interface VerifyingFetchOptions {
  /** The model under a name, with the root that the caller pins: from its own source, never the gateway's. */
  readonly model: (name: string) => Promise<ClientModel>;
  /** Chain and settlement contract of the network. */
  readonly expected?: VerifyOptions["expected"];
  /** `throw`: an answer that does not hold is an error. `report`: only `onChecked` hears of it. */
  readonly onFail?: "throw" | "report";
  readonly onChecked?: (choices: readonly CheckedChoice[]) => void;
  /** The `fetch` below; the global one when absent. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Paths that answer with text, and whose answers cannot be checked here: better refused than believed. */
const UNCHECKED = ["/v1/completions", "/v1/responses"];
const CHECKED = "/chat/completions";

/**
 * Verifies answers of `/chat/completions`; requests for text on other paths are refused, and what is no request for text
 * passes through. Log probabilities are not checked: nobody signs them.
 */
export function verifyingFetch(options: VerifyingFetchOptions): typeof globalThis.fetch {
  const below = options.fetch ?? globalThis.fetch;
  return async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    if (UNCHECKED.some((path) => pathname.endsWith(path))) {
      const reason = `answers of ${pathname} cannot be checked here yet; ask /v1/chat/completions`;
      throw new SdkError({ code: "SDK_REQUEST", reason });
    }
    if (!pathname.endsWith(CHECKED)) return below(input, init);
    if (typeof init?.body !== "string") {
      throw new SdkError({ code: "SDK_REQUEST", reason: "its body is no text" });
    }
    const asked = await understand(init.body, options.model);
    const response = await below(input, { ...init, body: JSON.stringify(asked.body) });
    return response.ok && response.body !== null
      ? checked(options, asked, response, response.body)
      : response;
  };
}

function checked(
  options: VerifyingFetchOptions,
  asked: Asked,
  response: Response,
  body: ReadableStream<Uint8Array>,
): Response | Promise<Response> {
  const type = response.headers.get("content-type") ?? "";
  return type.startsWith("text/event-stream")
    ? new Response(checkStream(options, asked, body), response)
    : checkWhole(options, asked, response);
}

/** What has been seen of an answer. */
interface Seen {
  /** By choice. */
  readonly shown: Map<number, string>;
  assay: unknown;
  /** The client raises what the gateway reports: then there is no answer to check. */
  isError: boolean;
}

const nothingSeen = (): Seen => ({ shown: new Map(), assay: undefined, isError: false });

/** Takes a body, or an event of a stream. */
function see(seen: Seen, event: JsonObject): void {
  seen.assay = event["assay"] ?? seen.assay;
  seen.isError ||= "error" in event;
  for (const choice of objectsOf(event["choices"])) {
    const index = numberOf(choice["index"]) ?? 0;
    const said = choice["message"] ?? choice["delta"];
    const text = isObject(said) ? textOf(said["content"]) : undefined;
    seen.shown.set(index, (seen.shown.get(index) ?? "") + (text ?? ""));
  }
}

/** Checks a response in one piece before the caller has it. */
async function checkWhole(
  options: VerifyingFetchOptions,
  asked: Asked,
  response: Response,
): Promise<Response> {
  const text = await response.text();
  const seen = nothingSeen();
  const body = parseJson(text);
  if (isObject(body)) see(seen, body);
  settle(options, asked, seen);
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  headers.delete("content-encoding");
  return new Response(text, { status: response.status, headers });
}

/** Passes events on as they come, and fails the stream before its end where the answer does not hold. */
function checkStream(
  options: VerifyingFetchOptions,
  asked: Asked,
  body: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const seen = nothingSeen();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let pending = "";
  let isSettled = false;
  const conclude = (): void => {
    if (!isSettled) settle(options, asked, seen);
    isSettled = true;
  };
  const read = (line: string): void => {
    const data = line.startsWith("data:") ? line.slice("data:".length).trim() : "";
    const event = parseJson(data);
    if (isObject(event)) see(seen, event);
    if (data === "[DONE]") conclude();
  };
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        pending += decoder.decode(chunk, { stream: true });
        const lines = pending.split("\n");
        pending = lines.pop() ?? "";
        for (const line of lines) {
          read(line);
          controller.enqueue(encoder.encode(`${line}\n`));
        }
      },
      flush(controller) {
        read(pending);
        conclude();
        if (pending !== "") controller.enqueue(encoder.encode(pending));
      },
    }),
  );
}

/** Tells the verdicts. @throws {SdkError} for an answer that does not hold, where the caller wants that */
function settle(options: VerifyingFetchOptions, asked: Asked, seen: Seen): void {
  if (seen.isError) return;
  const choices = checkChoices(options.expected, asked, seen.shown, seen.assay);
  options.onChecked?.(choices);
  const bad = choices.find(({ objection }) => objection !== null);
  if (bad === undefined || options.onFail === "report") return;
  const reason = bad.objection ?? "unknown";
  throw new SdkError({ code: "SDK_NOT_VERIFIED", choice: bad.index, reason });
}
