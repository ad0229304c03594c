import { hashKeyHex, hashKeyHexOf, WHOLE_RING } from "@millrace/model";
import { seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { HashKeySketch } from "./hash-key-sketch.ts";

const KEY_COUNT = 1n << 128n;

/** A sketch of a minute in which each of these shares of the ring had one record of a size, over and over. */
function sketchOf(records: Iterable<readonly [hashKey: string, sizeBytes: number]>): HashKeySketch {
  const sketch = new HashKeySketch(seededRandom(5));
  for (const [hashKey, sizeBytes] of records) sketch.note(hashKey, sizeBytes);
  sketch.endMinute();
  return sketch;
}

function place(share: number): string {
  return hashKeyHex((KEY_COUNT * BigInt(Math.round(share * 1e6))) / 1_000_000n);
}

function shareAt(hashKey: string): number {
  return Number((BigInt(`0x${hashKey}`) * 1_000_000n) / KEY_COUNT) / 1e6;
}

describe("hash key sketch", () => {
  test("the median halves the traffic, wherever it lies", () => {
    const even = Array.from({ length: 20_000 }, (_, index) => [hashKeyHexOf(String(index)), 1_000] as const);
    expect(shareAt(sketchOf(even).median()!)).toBeCloseTo(0.5, 1);
    const skewed = even.map(([hashKey, size]) => [place(shareAt(hashKey) / 10), size] as const);
    expect(shareAt(sketchOf(skewed).median()!)).toBeCloseTo(0.05, 1.5);
  });

  test("traffic counts by its bytes", () => {
    const records = Array.from({ length: 5_000 }, (_, index) => {
      const share = (index % 1_000) / 1_000;
      return [place(share), share < 0.8 ? 2_000 : 32_000] as const;
    });
    expect(shareAt(sketchOf(records).median()!)).toBeGreaterThan(0.8);
  });

  test("one key that carries the load is told from many", () => {
    const withOneKey = (share: number) =>
      sketchOf(
        Array.from({ length: 10_000 }, (_, index) => [
          index % 100 < share * 100 ? place(0.3) : hashKeyHexOf(String(index)),
          2_000,
        ]),
      );
    expect(withOneKey(1).isOneKey).toBe(true);
    expect(withOneKey(1).median()).toBeUndefined();
    expect(withOneKey(0.95).isOneKey).toBe(true);
    const half = withOneKey(0.5);
    expect(half.isOneKey).toBe(false);
    const below = half.shareOf({ startingHashKey: 0n, endingHashKey: BigInt(`0x${half.median()!}`) - 1n })!;
    expect(below).toBeGreaterThan(0.15);
    expect(below).toBeLessThan(0.85);
  });

  test("two keys are parted", () => {
    const median = sketchOf(
      Array.from({ length: 1_000 }, (_, index) => [place(index % 2 ? 0.4 : 0.2), 4_096]),
    ).median()!;
    expect(shareAt(median)).toBeGreaterThan(0.2);
    expect(shareAt(median)).toBeLessThanOrEqual(0.4);
  });

  test("too little traffic says nothing", () => {
    const sketch = sketchOf([[place(0.5), 40_000]]);
    expect([sketch.median(), sketch.isOneKey, sketch.shareOf(WHOLE_RING)]).toEqual([
      undefined,
      false,
      undefined,
    ]);
  });
});
