/** The worker thread, as the page uses it: one job after another, with news as they come. */

import type { Envelope, Job, News } from "./messages.ts";

export interface Tab {
  /** Starts a job; news of an earlier one are not heard any more. */
  start(job: Job, onNews: (news: News) => void): void;
}

export function createTab(worker: Worker): Tab {
  let id = 0;
  let listener: (news: News) => void = () => undefined;
  worker.addEventListener("message", ({ data }: MessageEvent<Envelope<News>>) => {
    if (data.id === id) listener(data.content);
  });
  worker.addEventListener("error", (event) => {
    listener({
      type: "failed",
      message: `the verifier in this tab broke down: ${event.message || "it did not load"}; reload the page`,
    });
  });
  return {
    start(job, onNews) {
      id += 1;
      listener = onNews;
      const envelope: Envelope<Job> = { id, content: job };
      worker.postMessage(envelope);
    },
  };
}
