/** A gateway that lies: it stands before an honest one, and changes what is asked or what is answered. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

type Json = Record<string, unknown>;

export interface Lie {
  /** What is passed on in place of the client's request. */
  readonly request?: (body: Json) => Json;
  /** What is passed on in place of each event of the answer, or of its whole body; null for nothing. */
  readonly event?: (event: Json) => Json | null;
}

const servers: Server[] = [];

export function closeLiars(): void {
  for (const server of servers.splice(0)) server.close();
}

/** Its base URL. It lives until {@link closeLiars}. */
export async function startLiar(behind: string, lie: Lie): Promise<string> {
  const server = createServer((request, response) => {
    passOn(behind, lie, request, response).catch(() => response.destroy());
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

async function passOn(
  behind: string,
  lie: Lie,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = JSON.parse(await readBody(request)) as Json;
  const answer = await fetch(`${behind}${request.url}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(lie.request?.(asked) ?? asked),
  });
  const type = answer.headers.get("content-type") ?? "";
  const text = await answer.text();
  response.writeHead(answer.status, { "content-type": type });
  response.end(
    type.startsWith("text/event-stream")
      ? text
          .split("\n")
          .map((line) => changedLine(lie, line))
          .join("\n")
      : changed(lie, text),
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

function changedLine(lie: Lie, line: string): string {
  if (!line.startsWith("data: {")) return line;
  const told = changed(lie, line.slice("data: ".length));
  return told === "" ? "" : `data: ${told}`;
}

function changed({ event }: Lie, text: string): string {
  const body = JSON.parse(text) as Json;
  const told = event === undefined ? body : event(body);
  return told === null ? "" : JSON.stringify(told);
}

/** Changes the receipt file that an event or a body carries. */
export const withReceipt =
  (change: (file: Uint8Array) => Uint8Array) =>
  (event: Json): Json => {
    const assay = event["assay"] as { receipt: string } | undefined;
    if (assay === undefined) return event;
    const bytes = change(new Uint8Array(Buffer.from(assay.receipt, "base64")));
    return { ...event, assay: { ...assay, receipt: Buffer.from(bytes).toString("base64") } };
  };
