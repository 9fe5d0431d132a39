import { once } from "node:events";

export interface Interrupt {
  /** Resolves at the first Ctrl-C or SIGTERM. */
  readonly promise: Promise<void>;
  happened(): boolean;
}

/** From now on Ctrl-C ends this process in order instead of at once: call it before anything is started. */
export function onInterrupt(): Interrupt {
  let happened = false;
  const promise = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]).then(() => {
    happened = true;
  });
  return { promise, happened: () => happened };
}
