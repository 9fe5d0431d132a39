/** Waits until `holds` gives something other than false and undefined, and returns it. */
export async function eventually<T>(
  what: string,
  holds: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<Exclude<T, false | undefined>> {
  const until = performance.now() + withinMs;
  for (;;) {
    const found = await holds();
    if (found !== false && found !== undefined) {
      return found as Exclude<T, false | undefined>;
    }
    if (performance.now() > until) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(25);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
