import { expect, test } from "vitest";
import { loadBetween, processorLoad, type ProcessorUse } from "./processor-load.ts";

function played(uses: ProcessorUse[], processorCount: number): () => number {
  return loadBetween(() => uses.shift()!, processorCount);
}

test("a load is that of the time since the call before", () => {
  const load = played(
    [
      { atMs: 0, processMs: 500, threadMs: 400 },
      { atMs: 1_000, processMs: 700, threadMs: 500 },
      { atMs: 2_000, processMs: 700, threadMs: 500 },
    ],
    1,
  );
  expect(load()).toBe(20);
  expect(load()).toBe(0);
});

test("a thread that never waits is a full load, on a machine with many processors too", () => {
  const load = played(
    [
      { atMs: 0, processMs: 0, threadMs: 0 },
      { atMs: 1_000, processMs: 1_100, threadMs: 1_000 },
    ],
    8,
  );
  expect(load()).toBe(100);
});

test("threads beside this one count as a share of all processors, and nothing is above 100", () => {
  const load = played(
    [
      { atMs: 0, processMs: 0, threadMs: 0 },
      { atMs: 1_000, processMs: 3_000, threadMs: 100 },
      { atMs: 2_000, processMs: 9_000, threadMs: 100 },
    ],
    4,
  );
  expect(load()).toBe(75);
  expect(load()).toBe(100);
});

test("no time means no load", () => {
  const same = { atMs: 5, processMs: 5, threadMs: 5 };
  expect(played([same, same], 2)()).toBe(0);
});

test("this process has a load between 0 and 100", () => {
  const load = processorLoad();
  expect(load()).toBeGreaterThanOrEqual(0);
  expect(load()).toBeLessThanOrEqual(100);
});
