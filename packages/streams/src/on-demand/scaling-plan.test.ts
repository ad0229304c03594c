import { hashKeyHex, tileRing } from "@millrace/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ScalingShard } from "./scaling-plan.ts";
import { COOL, HOT, planMerges, planSplits, shardsForDouble } from "./scaling-plan.ts";

/** Shards that tile the ring, with these rates in bytes per second. */
function shardsWith(rates: readonly number[], other: Partial<ScalingShard> = {}): ScalingShard[] {
  return tileRing(rates.length).map((hashKeyRange, shardIndex) => {
    const rate = { bytesPerSecond: rates[shardIndex]!, recordsPerSecond: 0 };
    return { shardIndex, hashKeyRange, rate, peak: rate, median: undefined, isOneKey: false, ...other };
  });
}

function indexesOf(plan: ReturnType<typeof planSplits>): number[] {
  return plan.map((step) => (step.kind === "uniform" ? -1 : step.shardIndex));
}

describe("splits", () => {
  test("a shard above 500 KB/s or 500 records/s is split, the hottest first", () => {
    expect(indexesOf(planSplits(shardsWith([500_000, 500_001, 10, 900_000]), 0, 100))).toEqual([3, 1]);
    const records = shardsWith([0], { rate: { bytesPerSecond: 0, recordsPerSecond: 501 } });
    expect(planSplits(records, 0, 100)).toEqual([
      { kind: "split", shardIndex: 0, newStartingHashKey: hashKeyHex(1n << 127n) },
    ]);
  });

  test("at the median of its traffic when that is known, and in its range", () => {
    const median = hashKeyHex(12_345n);
    const [split] = planSplits(shardsWith([600_000], { median }), 0, 100);
    expect(split).toMatchObject({ newStartingHashKey: median });
    const [outside] = planSplits(shardsWith([600_000], { median: hashKeyHex(0n) }), 0, 100);
    expect(outside).toMatchObject({ newStartingHashKey: hashKeyHex(1n << 127n) });
  });

  test("not where one key carries the load, nor beyond the most", () => {
    expect(planSplits(shardsWith([900_000, 900_000], { isOneKey: true }), 8, 100)).toEqual([]);
    expect(planSplits(shardsWith([900_000, 900_000, 900_000]), 0, 4)).toHaveLength(1);
    expect(planSplits(shardsWith([900_000, 900_000, 900_000]), 0, 2)).toEqual([]);
  });

  test("others are split too when more are wanted, those that had most first", () => {
    expect(indexesOf(planSplits(shardsWith([1, 300_000, 600_000, 200_000]), 6, 100))).toEqual([2, 1]);
    const idle = shardsWith([0, 0, 0]);
    const largest = { ...idle[1]!, hashKeyRange: { startingHashKey: 0n, endingHashKey: (1n << 128n) - 1n } };
    expect(indexesOf(planSplits([idle[0]!, largest, idle[2]!], 4, 100))).toEqual([1]);
  });

  test("a split always leaves keys on both sides", () => {
    const range = fc
      .tuple(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }))
      .map(([one, other]) => (one < other ? [one, other] : [other, one]) as [bigint, bigint]);
    fc.assert(
      fc.property(range, fc.option(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })), ([from, to], median) => {
        const [shard] = shardsWith([900_000]);
        const splits = planSplits(
          [
            {
              ...shard!,
              hashKeyRange: { startingHashKey: from, endingHashKey: to },
              median: median === null ? undefined : hashKeyHex(median),
            },
          ],
          0,
          100,
        );
        expect(splits).toHaveLength(from === to ? 0 : 1);
        for (const split of splits) {
          const at = split.kind === "split" ? BigInt(`0x${split.newStartingHashKey}`) : -1n;
          expect(at > from && at <= to).toBe(true);
        }
      }),
    );
  });
});

describe("merges", () => {
  test("neighbours that are cool together, until the target", () => {
    expect(indexesOf(planMerges(shardsWith([0, 0, 0, 0]), 2, COOL))).toEqual([0, 2]);
    expect(indexesOf(planMerges(shardsWith([0, 0, 0, 0]), 3, COOL))).toEqual([0]);
    expect(indexesOf(planMerges(shardsWith([0, 250_001, 100_000, 150_000]), 1, COOL))).toEqual([2]);
    expect(planMerges(shardsWith([200_000, 200_000]), 1, COOL)).toEqual([]);
    expect(planMerges(shardsWith([200_000, 200_000]), 1, HOT)).toHaveLength(1);
  });

  test("each shard takes part in one at most, and what is merged is not hot", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600_000), { minLength: 1, maxLength: 30 }), fc.nat(30), (rates, target) => {
        const merges = planMerges(shardsWith(rates), target, COOL);
        const used = merges.flatMap((step) =>
          step.kind === "merge" ? [step.shardIndex, step.adjacentShardIndex] : [],
        );
        expect(new Set(used).size).toBe(used.length);
        expect(rates.length - merges.length).toBeGreaterThanOrEqual(Math.min(target, rates.length));
        for (const step of merges) {
          if (step.kind !== "merge") continue;
          expect(step.adjacentShardIndex).toBe(step.shardIndex + 1);
          expect(rates[step.shardIndex]! + rates[step.adjacentShardIndex]!).toBeLessThanOrEqual(250_000);
        }
      }),
    );
  });
});

test("capacity is double the peak, of bytes or of records", () => {
  expect(shardsForDouble({ bytesPerSecond: 0, recordsPerSecond: 0 })).toBe(0);
  expect(shardsForDouble({ bytesPerSecond: 2_097_152, recordsPerSecond: 0 })).toBe(4);
  expect(shardsForDouble({ bytesPerSecond: 2_097_153, recordsPerSecond: 0 })).toBe(5);
  expect(shardsForDouble({ bytesPerSecond: 10, recordsPerSecond: 3_001 })).toBe(7);
});
