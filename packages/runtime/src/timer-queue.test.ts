import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TimerQueue } from "./timer-queue.ts";

const nothing = (): void => undefined;

describe("a timer queue", () => {
  test("gives timers by time, then by insertion, without those that were removed", () => {
    const timers = fc.array(fc.record({ dueMs: fc.integer({ min: 0, max: 20 }), removed: fc.boolean() }));
    fc.assert(
      fc.property(timers, (wanted) => {
        const queue = new TimerQueue();
        const added = wanted.map(({ dueMs, removed }) => ({ timer: queue.add(dueMs, nothing), removed }));
        for (const { timer, removed } of added) if (removed) expect(queue.remove(timer)).toBe(true);
        const expected = added
          .filter(({ removed }) => !removed)
          .map(({ timer }) => timer)
          .sort((one, other) => one.dueMs - other.dueMs || one.order - other.order);
        const given = [];
        for (let timer = queue.first(); timer !== undefined; timer = queue.first()) {
          given.push(timer);
          queue.remove(timer);
        }
        expect(given).toEqual(expected);
        expect(queue.size).toBe(0);
      }),
    );
  });

  test("a timer leaves once", () => {
    const queue = new TimerQueue();
    const timer = queue.add(1, nothing);
    expect(queue.remove(timer)).toBe(true);
    expect(queue.remove(timer)).toBe(false);
  });
});
