import { describe, expect, test } from "vitest";
import { steadinessOf } from "./steadiness.ts";

const minutes = (...values: readonly number[]) =>
  values.map((value, index) => ({ atMs: (index + 1) * 60_000, value }));

describe("steadiness", () => {
  test("does not count the first third", () => {
    const found = steadinessOf(minutes(1, 2, 3, 100, 100, 100, 100, 100, 100));
    expect(found).toMatchObject({ middle: 100, end: 100, ratio: 1, risePerMinute: 0, isFlat: true });
  });

  test("compares the medians of the middle and the last third", () => {
    const found = steadinessOf(minutes(0, 0, 0, 100, 110, 900, 120, 130, 140));
    expect(found).toMatchObject({ middle: 110, end: 130, isFlat: false });
    expect(found.ratio).toBeCloseTo(130 / 110);
  });

  test.each([
    { end: 110, isFlat: true },
    { end: 90, isFlat: true },
    { end: 111, isFlat: false },
    { end: 89, isFlat: false },
  ])("from 100 to $end is flat: $isFlat", ({ end, isFlat }) => {
    expect(steadinessOf(minutes(5, 100, end)).isFlat).toBe(isFlat);
  });

  test("tells the rise in a minute of what follows the first third", () => {
    expect(steadinessOf(minutes(50, 0, 70, 80, 90, 100)).risePerMinute).toBeCloseTo(10);
    expect(steadinessOf(minutes(50, 0, 100, 90, 80, 70)).risePerMinute).toBeCloseTo(-10);
  });

  test("holds for figures that are nothing", () => {
    expect(steadinessOf(minutes(0, 0, 0))).toMatchObject({ ratio: 1, isFlat: true });
  });

  test("leaves no third empty", () => {
    expect(() => steadinessOf(minutes(1, 2))).toThrow(RangeError);
    // Four points: one, one and two.
    expect(steadinessOf(minutes(9, 1, 2, 4))).toMatchObject({ middle: 1, end: 3 });
  });
});
