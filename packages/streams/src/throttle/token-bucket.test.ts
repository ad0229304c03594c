import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

describe("token bucket", () => {
  test("under steady demand it gives out exactly its rate in each second from its first use", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.constantFrom(1, 7, 100, 250, 999),
        (perSecond, startMs, stepMs) => {
          const bucket = new TokenBucket(perSecond);
          let given = 0;
          for (let atMs = startMs; atMs < startMs + 5_000; atMs += stepMs) {
            while (bucket.tryTake(1, atMs)) given += 1;
          }
          expect(given).toBe(perSecond * 5);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("over any time no more than the rate and one bucketful is given out", () => {
    const demands = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 30 })), { maxLength: 200 });
    fc.assert(
      fc.property(demands, (steps) => {
        const bucket = new TokenBucket(20);
        let nowMs = 0;
        let given = 0;
        for (const [waitMs, count] of steps) {
          nowMs += waitMs;
          if (bucket.tryTake(count, nowMs)) given += count;
        }
        // A demand above the bucket's size is met from a full bucket only, so at most 10 tokens are borrowed.
        expect(given).toBeLessThanOrEqual(20 * (Math.floor(nowMs / 1_000) + 1) + 10);
      }),
    );
  });

  test("a debt is paid off by the seconds that follow", () => {
    const bucket = new TokenBucket(10);
    expect(bucket.tryTake(35, 0)).toBe(true);
    expect(bucket.has(1, 2_999)).toBe(false);
    expect(bucket.has(1, 3_000)).toBe(true);
    expect(bucket.has(6, 3_000)).toBe(false);
  });

  test("an unlimited bucket always gives", () => {
    const bucket = new TokenBucket(Infinity);
    expect(bucket.tryTake(1e15, 0) && bucket.tryTake(1e15, 1)).toBe(true);
  });
});
