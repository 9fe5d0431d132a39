/** What the gateway counts, for `/metrics` in Prometheus' text format. Each name is explained by its help text. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly text: () => Promise<string>;
  readonly contentType: string;
  /** Starts to count a request; call the result with its status when it has ended. */
  request(route: string): (status: number) => void;
  answered(answer: {
    readonly verified: boolean;
    readonly rejected: readonly { readonly kind: string }[];
    readonly promptTokens: number;
    readonly outputTokens: number;
  }): void;
  failed(why: "busy" | "no_worker" | "error"): void;
  verified(ok: boolean): void;
  firstToken(seconds: number): void;
}

export interface MetricsOptions {
  readonly workers: () => number;
  readonly running: () => number;
  readonly waiting: () => number;
}

const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

export function createMetrics({ workers, running, waiting }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Counter<T>({
      name: `assay_gateway_${name}_total`,
      help,
      labelNames: [...labelNames],
      registers,
    });
  const histogram = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Histogram<T>({
      name: `assay_gateway_${name}_seconds`,
      help,
      labelNames: [...labelNames],
      buckets: SECONDS,
      registers,
    });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `assay_gateway_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const requests = counter("requests", "HTTP requests by route and status", ["route", "status"]);
  const duration = histogram("request_duration", "Time from a request to its last byte", ["route"]);
  const answers = counter("answers", "Answers by whether their receipt held", ["verified"]);
  const failures = counter("failures", "Requests that no worker answered, by why", ["why"]);
  const rejected = counter("rejected_workers", "Workers asked in vain, by why", ["kind"]);
  const tokens = counter("tokens", "Tokens of delivered answers, by kind", ["kind"]);
  const checks = counter("verifications", "Verdicts on receipt files sent to /v1/verify", ["ok"]);
  const first = histogram("time_to_first_token", "Time from a request to its first token", []);
  gauge("workers", "Workers that are connected and have a funded channel", workers);
  gauge("running_orders", "Requests that a worker is at", running);
  gauge("waiting_requests", "Requests that wait for a worker", waiting);
  let open = 0;
  gauge("open_requests", "HTTP requests that have not ended", () => open);
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    request(route) {
      open += 1;
      const end = duration.startTimer({ route });
      return (status) => {
        open -= 1;
        end();
        requests.inc({ route, status: String(status) });
      };
    },
    answered(answer) {
      answers.inc({ verified: String(answer.verified) });
      for (const { kind } of answer.rejected) rejected.inc({ kind });
      tokens.inc({ kind: "prompt" }, answer.promptTokens);
      tokens.inc({ kind: "output" }, answer.outputTokens);
    },
    failed: (why) => failures.inc({ why }),
    verified: (ok) => checks.inc({ ok: String(ok) }),
    firstToken: (seconds) => first.observe(seconds),
  };
}
