import { describe, expect, test } from "vitest";
import { seedsOf } from "./seeds.ts";

describe("the seeds of a run", () => {
  test("are ten fixed ones, each twice, unless somebody asks for others", () => {
    expect(seedsOf({})).toEqual({ seeds: [1, 2, 3, 4, 5, 6, 7, 21, 23, 55], twice: true });
    expect(seedsOf({ SIMULATION_SEEDS: "4711", SIMULATION_TWICE: "no" })).toEqual({
      seeds: [4711],
      twice: false,
    });
  });

  test("are dealt out to the parts, each to one", () => {
    const parts = ["0", "1"].map((part) =>
      seedsOf({ SIMULATION_SEEDS: "1-4,1000000-1000002", SIMULATION_PART: part, SIMULATION_PARTS: "2" }),
    );
    expect(parts.map(({ seeds }) => seeds)).toEqual([
      [1, 3, 1_000_000, 1_000_002],
      [2, 4, 1_000_001],
    ]);
  });

  test("are numbers", () => {
    expect(() => seedsOf({ SIMULATION_SEEDS: "first" })).toThrow("first is no seed");
  });
});
