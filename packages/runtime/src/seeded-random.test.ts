import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "./index.ts";

describe("seeded chance", () => {
  test("one seed gives one sequence, and seeds that differ give others", () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.below(0x1_0000_0000));
    };
    expect(draw(1)).toEqual(draw(1));
    const first = new Set([0, 1, 2, 3, -1, 0.5, 2 ** 40, 2 ** 52 + 1].map((seed) => draw(seed).join()));
    expect(first.size).toBe(8);
  });

  test("integers stay below their bound, fractions below one", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 0x1_0000_0000 }), (seed, bound) => {
        const random = seededRandom(seed);
        for (let draw = 0; draw < 50; draw += 1) {
          const value = random.below(bound);
          expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
          const fraction = random.fraction();
          expect(fraction >= 0 && fraction < 1).toBe(true);
        }
      }),
    );
  });

  test("every value comes about equally often", () => {
    const random = seededRandom(7);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 100_000; draw += 1) counts[random.below(10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    const bits = random
      .bytes(100_000)
      .reduce((sum, byte) => sum + (byte.toString(2).match(/1/g)?.length ?? 0), 0);
    expect(Math.abs(bits - 400_000)).toBeLessThan(3_000);
  });

  test("bytes come in any count", () => {
    const random = seededRandom(3);
    for (const count of [0, 1, 2, 3, 4, 5, 17]) expect(random.bytes(count)).toHaveLength(count);
  });

  test("there is no chance below nothing, or past 2^32", () => {
    const random = seededRandom(3);
    expect(random.below(1)).toBe(0);
    for (const bound of [0, -1, 0x1_0000_0001, Number.NaN])
      expect(() => random.below(bound)).toThrow(RangeError);
  });
});
