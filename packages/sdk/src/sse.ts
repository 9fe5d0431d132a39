/** Reads server-sent events as OpenAI's API sends them: one JSON object a `data:` line, `[DONE]` at the end. */

/** One event may not be larger: the receipt of a full context is about 200 kB in base64. */
const MAX_EVENT_CHARACTERS = 1_048_576;

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let pending = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      pending += decoder.decode(value, { stream: !done });
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      if (pending.length > MAX_EVENT_CHARACTERS) throw new RangeError("an event is too large");
      for (const line of lines) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice("data:".length).trim();
        if (data === "[DONE]") return;
        yield JSON.parse(data);
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
