/** A gateway that lies to a browser: everything comes from an honest one behind it, but what a test changes. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

type Json = Record<string, unknown>;

interface Lies {
  /** The client's chat request, changed. */
  request?: ((body: Json) => Json) | undefined;
  /** An event of the streamed answer, changed. */
  event?: ((event: Json) => Json) | undefined;
  /** The program file, changed. */
  program?: ((file: Uint8Array) => Uint8Array) | undefined;
}

export interface LyingProxy {
  readonly url: string;
  /** What it lies about now; nothing at first. */
  lies: Lies;
  close(): void;
}

export async function startProxy(behind: string): Promise<LyingProxy> {
  const proxy = { url: "", lies: {} as Lies, close: () => closeServer(server) };
  const server = createServer((request, response) => {
    passOn(behind, proxy.lies, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  proxy.url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return proxy;
}

function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}

async function passOn(
  behind: string,
  lies: Lies,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? "/";
  const isChat = path === "/v1/chat/completions";
  const body = await readBody(request);
  const type = request.headers["content-type"];
  const answer = await fetch(`${behind}${path}`, {
    method: request.method ?? "GET",
    ...(type === undefined ? {} : { headers: { "content-type": type } }),
    ...(body === "" ? {} : { body: isChat ? toldWorker(lies, body) : body }),
  });
  const headers = new Map(answer.headers);
  for (const name of ["content-length", "content-encoding", "transfer-encoding", "connection"]) {
    headers.delete(name);
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  response.writeHead(answer.status, Object.fromEntries(headers));
  response.end(toldClient(lies, path, bytes));
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

const toldWorker = ({ request }: Lies, body: string): string =>
  request === undefined ? body : JSON.stringify(request(JSON.parse(body) as Json));

function toldClient(lies: Lies, path: string, bytes: Uint8Array): Uint8Array | string {
  const { event, program } = lies;
  if (path.startsWith("/v1/programs/") && program !== undefined) return program(bytes);
  if (path !== "/v1/chat/completions" || event === undefined) return bytes;
  const told = (line: string): string =>
    line.startsWith("data: {")
      ? `data: ${JSON.stringify(event(JSON.parse(line.slice("data: ".length)) as Json))}`
      : line;
  return new TextDecoder().decode(bytes).split("\n").map(told).join("\n");
}

/** Changes the receipt file that an event carries. */
export const withReceipt =
  (change: (file: Uint8Array) => Uint8Array) =>
  (event: Json): Json => {
    const assay = event["assay"] as { receipt?: string } | undefined;
    if (assay?.receipt === undefined) return event;
    const bytes = change(new Uint8Array(Buffer.from(assay.receipt, "base64")));
    return { ...event, assay: { ...assay, receipt: Buffer.from(bytes).toString("base64") } };
  };

/** Changes the text that an event carries. */
export const withText =
  (change: (text: string) => string) =>
  (event: Json): Json => {
    const choices = event["choices"] as { delta?: { content?: string } }[] | undefined;
    return {
      ...event,
      choices: choices?.map((choice) =>
        choice.delta?.content === undefined
          ? choice
          : { ...choice, delta: { ...choice.delta, content: change(choice.delta.content) } },
      ),
    };
  };
