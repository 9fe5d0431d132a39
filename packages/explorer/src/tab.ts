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
  // It may break down, or not load, before anything is asked of it: then the first job is told.
  let broken: News | undefined;
  worker.addEventListener("error", (event) => {
    const why = event.message || "it did not load";
    const message = `the verifier in this tab broke down: ${why}; reload the page when the gateway can be reached`;
    broken = { type: "failed", message };
    listener(broken);
  });
  return {
    start(job, onNews) {
      id += 1;
      listener = onNews;
      if (broken !== undefined) {
        onNews(broken);
        return;
      }
      const envelope: Envelope<Job> = { id, content: job };
      worker.postMessage(envelope);
    },
  };
}
