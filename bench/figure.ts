/** What a benchmark reports, and how a duration becomes one figure. */

/** One measured number. `target` is null where a figure is only reported. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: "lower" | "higher";
  readonly target: number | null;
  readonly runs: number;
  readonly min: number;
  readonly max: number;
  /** The same job by another program, measured in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
}

/** What a suite is told. `quick` asks for a run of all suites that stays under a minute. */
export interface SuiteOptions {
  readonly quick: boolean;
}

/** A file of bench/suites exports this as `suite`. */
export type Suite = (options: SuiteOptions) => AsyncIterable<Figure>;

/** The median of `samples`, with their range. @throws {RangeError} if there are none. */
export function summarise(
  samples: readonly number[],
): Pick<Figure, "value" | "runs" | "min" | "max"> {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [min, max, upper] = [sorted[0], sorted.at(-1), sorted[middle]];
  if (min === undefined || max === undefined || upper === undefined) {
    throw new RangeError("no samples to summarise");
  }
  const lower = sorted.length % 2 === 1 ? upper : (sorted[middle - 1] ?? upper);
  return { value: (lower + upper) / 2, runs: sorted.length, min, max };
}

/** Milliseconds that `job` takes, `runs` times after one run that is not counted. */
export async function time(job: () => unknown, runs: number): Promise<readonly number[]> {
  await job();
  const samples: number[] = [];
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await job();
    samples.push(performance.now() - started);
  }
  return samples;
}

/** Whether a figure reaches its target; a figure without one always does. */
export function meetsTarget({ value, better, target }: Figure): boolean {
  if (target === null) return true;
  return better === "lower" ? value <= target : value >= target;
}
