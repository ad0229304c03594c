import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryBudget } from "./index.ts";

/** A cache that holds `heldBytes` of a budget and gives back what it is asked for, unless it is pinned. */
function cacheOf(budget: MemoryBudget, heldBytes: number) {
  const cache = { heldBytes, pinned: false };
  expect(budget.tryReserve(heldBytes)).toBe(true);
  budget.onPressure((wantedBytes) => {
    const given = cache.pinned ? 0 : Math.min(wantedBytes, cache.heldBytes);
    cache.heldBytes -= given;
    budget.release(given);
    return given;
  });
  return cache;
}

function settledFlag(promise: Promise<void>): { settled: boolean } {
  const flag = { settled: false };
  void promise.then(() => {
    flag.settled = true;
  });
  return flag;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("a memory budget", () => {
  test("grants what fits and refuses what does not", () => {
    const budget = new MemoryBudget(100);
    expect(budget.tryReserve(60)).toBe(true);
    expect(budget.tryReserve(41)).toBe(false);
    expect(budget.tryReserve(40)).toBe(true);
    expect(budget.usedBytes).toBe(100);
  });

  test("grants one reservation larger than itself when nothing else is held", () => {
    const budget = new MemoryBudget(100);
    expect(budget.tryReserve(500)).toBe(true);
    expect(budget.tryReserve(1)).toBe(false);
    budget.release(500);
    expect(budget.tryReserve(1)).toBe(true);
  });

  test("asks caches to shrink, and only by what is missing", () => {
    const budget = new MemoryBudget(100);
    const cache = cacheOf(budget, 80);
    expect(budget.tryReserve(50)).toBe(true);
    expect(cache.heldBytes).toBe(50);
    expect(budget.usedBytes).toBe(100);
  });

  test("a cache that has left is not asked any more", () => {
    const budget = new MemoryBudget(100);
    let asked = 0;
    const leave = budget.onPressure(() => {
      asked += 1;
      return 0;
    });
    leave();
    budget.tryReserve(100);
    expect(budget.tryReserve(1)).toBe(false);
    expect(asked).toBe(0);
  });

  test("serves waiters in order, and nobody passes them", async () => {
    const budget = new MemoryBudget(100);
    await budget.reserve(100);
    const large = settledFlag(budget.reserve(80));
    const small = settledFlag(budget.reserve(10));
    budget.release(20);
    await turn();
    expect([large.settled, small.settled]).toEqual([false, false]);
    expect(budget.tryReserve(5)).toBe(false);
    budget.release(60);
    await turn();
    expect([large.settled, small.settled]).toEqual([true, false]);
    budget.release(10);
    await turn();
    expect([large.settled, small.settled]).toEqual([true, true]);
    expect(budget.usedBytes).toBe(100);
  });

  test("a waiter for whom a cache shrinks is admitted once", async () => {
    const budget = new MemoryBudget(100);
    const cache = cacheOf(budget, 40);
    cache.pinned = true;
    await budget.reserve(60);
    const first = settledFlag(budget.reserve(60));
    const second = settledFlag(budget.reserve(60));
    cache.pinned = false;
    budget.release(20);
    await turn();
    expect([first.settled, second.settled]).toEqual([true, false]);
    expect(budget.usedBytes).toBe(100);
  });

  test("refuses to take back more than it gave", () => {
    const budget = new MemoryBudget(100);
    budget.tryReserve(10);
    expect(() => budget.release(11)).toThrow(/11 bytes were released, and 10 are reserved/);
    expect(() => budget.release(Number.NaN)).toThrow("NaN bytes were released");
    expect(() => budget.tryReserve(-1)).toThrow(RangeError);
    expect(() => budget.reserve(Number.NaN)).toThrow(RangeError);
    expect(budget.usedBytes).toBe(10);
  });

  test("never goes over its limit with reservations that fit, and leaves nobody waiting for free memory", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("reserve" as const), bytes: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ kind: fc.constant("try" as const), bytes: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ kind: fc.constant("release" as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant("cache" as const), bytes: fc.integer({ min: 1, max: 30 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const budget = new MemoryBudget(100);
        const held: number[] = [];
        const waiting: number[] = [];
        let cachedBytes = 0;
        budget.onPressure((wantedBytes) => {
          const given = Math.min(wantedBytes, cachedBytes);
          cachedBytes -= given;
          budget.release(given);
          return given;
        });
        for (const { kind, ...details } of steps) {
          if (kind === "release") {
            const [bytes] = held.splice((details as { pick: number }).pick % Math.max(1, held.length), 1);
            if (bytes !== undefined) budget.release(bytes);
          } else {
            const { bytes } = details as { bytes: number };
            if (kind === "cache" && budget.tryReserve(bytes)) cachedBytes += bytes;
            if (kind === "try" && budget.tryReserve(bytes)) held.push(bytes);
            if (kind === "reserve") {
              waiting.push(bytes);
              void budget.reserve(bytes).then(() => held.push(waiting.shift() as number));
            }
          }
          await turn();
          const heldBytes = held.reduce((sum, bytes) => sum + bytes, 0);
          expect(budget.usedBytes).toBe(heldBytes + cachedBytes);
          expect(budget.usedBytes).toBeLessThanOrEqual(100);
          if (waiting.length > 0) expect(heldBytes + (waiting[0] as number)).toBeGreaterThan(100);
        }
      }),
    );
  });

  test("grants a little past those who wait for more, and caches make room for it", () => {
    const budget = new MemoryBudget(1_000_000);
    const cache = cacheOf(budget, 100_000);
    budget.tryReserve(890_000);
    cache.pinned = true;
    const large = settledFlag(budget.reserve(500_000));
    expect(budget.tryReserve(10_000)).toBe(false);
    expect(budget.tryReserveLittle(10_000)).toBe(true);
    expect(budget.tryReserveLittle(10_000)).toBe(false);
    cache.pinned = false;
    expect(budget.tryReserveLittle(10_000)).toBe(true);
    expect(budget.usedBytes).toBe(1_000_000);
    expect(large.settled).toBe(false);
  });

  test("grants nothing that is more than a little past those who wait", () => {
    const budget = new MemoryBudget(1_000_000);
    budget.tryReserve(500_000);
    void budget.reserve(600_000);
    expect(budget.tryReserveLittle(16 * 1024 + 1)).toBe(false);
    expect(budget.tryReserveLittle(16 * 1024)).toBe(true);
  });

  test("a little at a time does not keep one who waits for more from coming to its turn", async () => {
    const budget = new MemoryBudget(1_000_000);
    budget.tryReserve(1_000_000);
    const large = settledFlag(budget.reserve(800_000));
    let passedBytes = 0;
    // Whatever is given back goes to small ones at once, as long as they are let past.
    for (let round = 0; round < 100; round += 1) {
      budget.release(10_000);
      if (!budget.tryReserveLittle(10_000)) break;
      passedBytes += 10_000;
    }
    expect(passedBytes).toBe(120_000);
    budget.release(790_000);
    await turn();
    expect(large.settled).toBe(true);
    // The next one who waits is passed by as much again.
    void budget.reserve(800_000);
    budget.release(10_000);
    expect(budget.tryReserveLittle(10_000)).toBe(true);
  });
});
