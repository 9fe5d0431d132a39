/** Where a verb writes: prose to stdout and progress to stderr, or one JSON object to stdout. */

export interface Screen {
  /** Whole lines of prose. */
  line(...lines: readonly string[]): void;
  /** Prose without a line's end, as it streams. */
  readonly write: (text: string) => void;
  /** What is going on, for a person who waits. */
  readonly progress: (text: string) => void;
  /** The machine-readable result. */
  result(json: string): void;
}

export function createScreen(asJson: boolean): Screen {
  const prose = (text: string): void => {
    if (!asJson) process.stdout.write(printable(text));
  };
  return {
    line: (...lines) => prose(lines.map((line) => `${line}\n`).join("")),
    write: prose,
    progress: (text) => {
      process.stderr.write(`assay: ${printable(text)}\n`);
    },
    result: (json) => {
      if (asJson) process.stdout.write(`${json}\n`);
    },
  };
}

/** A model's text may hold anything: control characters would steer the terminal. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
