/** For whoever runs a gateway: is it there, is it ready, what does it count, what does it serve. */

import { bytesToHex } from "@assay/wire";
import type { Context } from "hono";
import { openApi } from "./openapi.ts";
import type { RouteContext } from "./route.ts";

export function healthRoute(context: Context): Response {
  return context.text("ok\n");
}

export function readyRoute(context: Context, route: RouteContext): Response {
  const parts = route.readiness();
  const ready = Object.values(parts).every(Boolean);
  return context.json({ ready, ...parts }, ready ? 200 : 503);
}

export async function metricsRoute(context: Context, { metrics }: RouteContext): Promise<Response> {
  return context.body(await metrics.text(), 200, { "content-type": metrics.contentType });
}

export function versionRoute(context: Context, { version }: RouteContext): Response {
  return context.json({ name: "assay", version });
}

export function openApiRoute(context: Context, { version }: RouteContext): Response {
  return context.json(openApi(version));
}

export function workersRoute(context: Context, route: RouteContext): Response {
  const data = route.workers().map(({ address, programs, freeSlots, funded, banned }) => ({
    object: "worker",
    address: `0x${bytesToHex(address)}`,
    slots: freeSlots,
    funded,
    banned,
    programs: programs.map(({ programRoot, promptPrice, outputPrice }) => ({
      program_root: `0x${bytesToHex(programRoot)}`,
      pricing: { prompt: promptPrice.toString(), completion: outputPrice.toString() },
    })),
  }));
  return context.json({ object: "list", data });
}

const MAX_TASKS = 100;

export async function tasksRoute(context: Context, route: RouteContext): Promise<Response> {
  const rows = await route.book.latest(MAX_TASKS);
  const data = rows.map((row) => ({
    object: "task",
    id: `0x${row.order_hash}`,
    worker: `0x${row.worker}`,
    status: row.state,
    reason: row.reason,
    receipt_id: row.receipt_hash === null ? null : `0x${row.receipt_hash}`,
    price: row.price,
    created: Math.floor(row.created_at / 1_000),
  }));
  return context.json({ object: "list", data });
}
