import { describe, expect, test } from "vitest";
import { type BenchContext, verdictOf } from "./bench.ts";
import { measureCases, microCase } from "./micro.ts";
import { inTurns, median } from "./rounds.ts";
import { formatNumber } from "./table.ts";

test("a median is the middle value, or the mean of the two in the middle", () => {
  expect(median([3])).toBe(3);
  expect(median([10, 1, 9])).toBe(9);
  expect(median([1, 100, 3, 2])).toBe(2.5);
  expect(() => median([])).toThrow(RangeError);
});

test("contestants take turns in every round", async () => {
  const order: string[] = [];
  const contestant = (name: string) => (round: number) => {
    order.push(`${name}${round}`);
    return Promise.resolve(order.length);
  };
  const results = await inTurns(3, { a: contestant("a"), b: contestant("b") });
  expect(order).toEqual(["a0", "b0", "a1", "b1", "a2", "b2"]);
  expect(results).toEqual({ a: [1, 3, 5], b: [2, 4, 6] });
});

test.each([
  { value: 5, budget: { atMost: 5 }, verdict: "pass" },
  { value: 5.1, budget: { atMost: 5 }, verdict: "miss" },
  { value: 0.6, budget: { atLeast: 0.6 }, verdict: "pass" },
  { value: 0.5, budget: { atLeast: 0.6 }, verdict: "miss" },
  { value: 1.3, budget: { atLeast: 0.8, atMost: 1.25 }, verdict: "miss" },
])("$value against $budget is a $verdict", ({ value, budget, verdict }) => {
  expect(verdictOf({ what: "x", unit: "", value, budget })).toBe(verdict);
});

test("a row without a budget has no verdict", () => {
  expect(verdictOf({ what: "x", unit: "", value: 1 })).toBeUndefined();
});

test.each([
  [0, "0"],
  [0.01234, "0.0123"],
  [1.2345, "1.23"],
  [12.345, "12.3"],
  [123.45, "123"],
  [1_234_567.8, "1,234,568"],
])("%d is printed as %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

describe("functions that are timed", () => {
  const context: BenchContext = {
    rounds: 3,
    progress: () => undefined,
    scratch: () => "",
    millrace: () => Promise.reject(new Error("no server is needed")),
  };
  const counting = (results: readonly number[]) => {
    let calls = 0;
    return microCase({
      what: "counting",
      unit: "calls",
      unitCount: 1,
      minMs: 0,
      run: () => results[Math.min(calls++, results.length - 1)]!,
      digest: String,
    });
  };

  test("have a rate in units a second and a digest of what they computed", async () => {
    const run = await measureCases([counting([7])], context);
    expect(run.rows).toMatchObject([{ what: "counting", unit: "calls/s" }]);
    expect(run.rows[0]!.value).toBeGreaterThan(0);
    expect(run.digest).toBe((await measureCases([counting([7])], context)).digest);
    expect(run.digest).not.toBe((await measureCases([counting([8])], context)).digest);
  });

  test("fail the bench when they compute something else than before", async () => {
    await expect(measureCases([counting([7, 7, 8])], context)).rejects.toThrow(
      "counting came to 8 although it came to 7 before",
    );
  });
});
