import { describe, expect, test } from "vitest";
import { doublings, kneeOf } from "./knee-point.ts";

const steps = (...rates: readonly number[]) =>
  rates.map((rate, index) => ({ connections: 2 ** index, rate }));

describe("the knee", () => {
  test("is the step after which the rate rises by a tenth or less a step", () => {
    expect(kneeOf(steps(100, 190, 300, 330, 340)).connections).toBe(4);
    expect(kneeOf(steps(100, 200, 150, 200)).connections).toBe(2);
  });

  test("is not where one step alone falls short", () => {
    expect(kneeOf(steps(100, 80, 200, 150, 300, 310)).connections).toBe(16);
    expect(kneeOf(steps(100, 105, 122, 123)).connections).toBe(4);
  });

  test("is where the step behind does not make up for two", () => {
    expect(kneeOf(steps(100, 105, 120, 130)).connections).toBe(1);
  });

  test("is the last step of a rate that always rises, and the only one of one", () => {
    expect(kneeOf(steps(100, 200, 400)).connections).toBe(4);
    expect(kneeOf(steps(7)).connections).toBe(1);
  });

  test("is not without steps", () => {
    expect(() => kneeOf([])).toThrow(RangeError);
  });
});

test("connections double up to the most", () => {
  expect(doublings(1)).toEqual([1]);
  expect(doublings(2)).toEqual([1, 2]);
  expect(doublings(64)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  expect(doublings(100)).toEqual([1, 2, 4, 8, 16, 32, 64, 100]);
});
