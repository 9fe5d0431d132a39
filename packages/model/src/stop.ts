/** Stop sequences: an answer's text ends before the first of them (spec/06 §6.4). */

export interface CutText {
  readonly text: string;
  /** Whether a stop sequence was there. */
  readonly stopped: boolean;
}

/** The text before the first place at which one of `stops` begins. */
export function cutAtStop(text: string, stops: readonly string[]): CutText {
  const places = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return places.length === 0
    ? { text, stopped: false }
    : { text: text.slice(0, Math.min(...places)), stopped: true };
}

export interface StopStream {
  /** What can be shown of the text so far: nothing that may yet turn out to begin a stop sequence. */
  push(text: string): string;
  /** What was held back, at the end of the answer. */
  end(): string;
}

/** {@link cutAtStop} for text that comes in pieces. */
export function createStopStream(stops: readonly string[]): StopStream {
  let held = "";
  let isStopped = false;
  return {
    push(piece) {
      if (isStopped) return "";
      const { text, stopped } = cutAtStop(held + piece, stops);
      isStopped = stopped;
      const kept = stopped ? 0 : longestBeginning(text, stops);
      held = stopped ? "" : text.slice(text.length - kept);
      return text.slice(0, text.length - kept);
    },
    end() {
      const rest = held;
      held = "";
      return isStopped ? "" : rest;
    },
  };
}

/** How many characters at the end of `text` could begin a stop sequence. */
function longestBeginning(text: string, stops: readonly string[]): number {
  const most = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let count = Math.min(most, text.length); count > 0; count--) {
    const end = text.slice(text.length - count);
    if (stops.some((stop) => stop.startsWith(end))) return count;
  }
  return 0;
}
