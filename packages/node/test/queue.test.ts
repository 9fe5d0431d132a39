/** Back-pressure of the gateway: who runs, who waits, who is turned away. */

import { describe, expect, test } from "vitest";
import { createQueue } from "../src/gateway/queue.ts";
import { pause } from "./support/eventually.ts";

const BUSY = { detail: { code: "BUSY" } };

describe("a queue", () => {
  test("lets as many in as there are slots, and the others in the order in which they came", async () => {
    const queue = createQueue({ capacity: () => 2 });
    const order: number[] = [];
    const leave: (() => void)[] = [];
    const all = Array.from({ length: 5 }, async (_, place) => {
      leave[place] = await queue.enter();
      order.push(place);
    });
    await pause(5);
    expect(order).toEqual([0, 1]);
    expect([queue.running(), queue.waiting()]).toEqual([2, 3]);
    leave[1]?.();
    // Leaving twice frees no second place.
    leave[1]?.();
    await pause(5);
    expect(order).toEqual([0, 1, 2]);
    for (const place of [0, 2]) leave[place]?.();
    await pause(5);
    for (const place of [3, 4]) leave[place]?.();
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect([queue.running(), queue.waiting()]).toEqual([0, 0]);
  });

  test("grows with the workers, and lets one in where there are none: to hear so", async () => {
    let slots = 0;
    const queue = createQueue({ capacity: () => slots });
    const first = await queue.enter();
    let second = false;
    const waiting = queue.enter().then((leave) => {
      second = true;
      return leave;
    });
    await pause(5);
    expect(second).toBe(false);
    slots = 2;
    first();
    (await waiting)();
  });

  test("turns away who finds it full, or waited too long", async () => {
    const queue = createQueue({ capacity: () => 1, maxWaiting: 1, maxWaitMs: 30 });
    const leave = await queue.enter();
    const waiting = queue.enter();
    await expect(queue.enter()).rejects.toMatchObject(BUSY);
    await expect(waiting).rejects.toMatchObject(BUSY);
    expect(queue.waiting()).toBe(0);
    leave();
    (await queue.enter())();
  });

  test("forgets who leaves while it waits", async () => {
    const queue = createQueue({ capacity: () => 1 });
    const leave = await queue.enter();
    const leaving = new AbortController();
    const gone = queue.enter(leaving.signal);
    const next = queue.enter();
    leaving.abort(new Error("gone"));
    await expect(gone).rejects.toThrow("gone");
    expect(queue.waiting()).toBe(1);
    leave();
    (await next)();
    await expect(queue.enter(AbortSignal.abort(new Error("never")))).rejects.toThrow("never");
    expect(queue.running()).toBe(0);
  });
});
