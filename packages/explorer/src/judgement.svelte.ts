/** What the page knows of one verification while it goes on. */

import type { Check } from "@assay/verifier";
import type { News, Summary } from "./messages.ts";

export interface TimedCheck {
  readonly check: Check;
  readonly milliseconds: number;
}

export class Judgement {
  program = $state<Extract<News, { type: "program" }> | undefined>();
  text = $state("");
  change = $state<string | undefined>();
  file = $state.raw<Uint8Array | undefined>();
  checks = $state<readonly TimedCheck[]>([]);
  summary = $state<Summary | undefined>();
  paid = $state<{ readonly amount: string; readonly block: string } | undefined>();
  failure = $state<string | undefined>();
  isDone = $derived(this.summary !== undefined || this.failure !== undefined);

  hear(news: News): void {
    switch (news.type) {
      case "program":
        this.program = news;
        return;
      case "text":
        this.text += news.text;
        return;
      case "tampered":
        this.change = news.change;
        return;
      case "receipt":
        this.file = news.file;
        return;
      case "check":
        this.checks = [...this.checks, news];
        return;
      case "verdict":
        this.summary = news.summary;
        return;
      case "paid":
        this.paid = news;
        return;
      case "failed":
        this.failure = news.message;
        return;
    }
  }
}
