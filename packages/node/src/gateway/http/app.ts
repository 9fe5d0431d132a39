/** The gateway's HTTP API: which path is which route, and what holds for all of them. */

import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { type AccessOptions, accessProblem } from "./access.ts";
import { ApiError, apiErrorOf, problem } from "./api-error.ts";
import { chatRoute } from "./chat-route.ts";
import { completionsRoute } from "./completions-route.ts";
import { countRequest } from "./counting.ts";
import { modelRoute, modelsRoute } from "./models-route.ts";
import {
  healthRoute,
  metricsRoute,
  openApiRoute,
  readyRoute,
  tasksRoute,
  versionRoute,
  workersRoute,
} from "./operations-route.ts";
import { programRoute } from "./programs-route.ts";
import { receiptRoute, verifyRoute } from "./receipts-route.ts";
import { responsesRoute } from "./responses-route.ts";
import type { RouteContext } from "./route.ts";
import { networkRoute, siteResponse } from "./site-route.ts";

const MAX_BODY_BYTES = 1024 * 1024;

type Route = (context: Context, route: RouteContext) => Response | Promise<Response>;

/** Method, path in OpenAPI's form, route. */
export const ROUTES: readonly (readonly ["get" | "post", string, Route])[] = [
  ["get", "/healthz", healthRoute],
  ["get", "/readyz", readyRoute],
  ["get", "/metrics", metricsRoute],
  ["get", "/version", versionRoute],
  ["get", "/openapi.json", openApiRoute],
  ["get", "/network.json", networkRoute],
  ["get", "/v1/models", modelsRoute],
  ["get", "/v1/models/{id}", modelRoute],
  ["post", "/v1/chat/completions", chatRoute],
  ["post", "/v1/completions", completionsRoute],
  ["post", "/v1/responses", responsesRoute],
  ["get", "/v1/programs/{root}", programRoute],
  ["get", "/v1/receipts/{id}", receiptRoute],
  ["post", "/v1/verify", verifyRoute],
  ["get", "/v1/workers", workersRoute],
  ["get", "/v1/tasks", tasksRoute],
];

export function createApp(route: RouteContext, access: AccessOptions): Hono {
  const app = new Hono();
  guard(app, route, access);
  for (const [method, path, handle] of ROUTES) {
    app[method](path.replace(/\{(\w+)\}/g, ":$1"), (context) => handle(context, route));
  }
  return app;
}

/** What holds for every route: who may ask, the size of a body, errors in OpenAI's form. */
function guard(app: Hono, route: RouteContext, access: AccessOptions): void {
  const { log, metrics } = route;
  app.use((context, next) => countRequest(metrics, context, next, patternOf(context.req.path)));
  app.use((context, next) => {
    context.header("X-Request-Id", `req_${randomUUID()}`);
    const error = accessProblem(context, access);
    return error === null ? next() : Promise.resolve(problem(context, error));
  });
  app.use(
    "/v1/*",
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => {
        const message = `a body has at most ${MAX_BODY_BYTES} bytes`;
        return problem(context, new ApiError(413, "body_too_large", message));
      },
    }),
  );
  app.onError((error, context) => {
    const known = apiErrorOf(error);
    if (known !== undefined) return problem(context, known);
    log.error({ err: error, path: context.req.path }, "request failed");
    return problem(context, new ApiError(500, "internal", "the gateway failed; its log says why"));
  });
  app.notFound((context) => {
    const file = siteResponse(context, route);
    if (file !== undefined) return file;
    const message = `there is no ${context.req.method} ${context.req.path}`;
    return problem(context, new ApiError(404, "not_found", message));
  });
}

/** The route that a path belongs to: what is counted has no ids in it. */
function patternOf(path: string): string {
  const found = ROUTES.find(([, pattern]) =>
    new RegExp(`^${pattern.replace(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
  return found?.[1] ?? "other";
}
