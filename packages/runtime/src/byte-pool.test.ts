import { expect, test } from "vitest";
import { BytePool } from "./index.ts";

const SIZES = [65_536, 65_537, 100_000, 700_000, 1_000_000, 1_048_576, 14_000_000];

test("gives as much as it says beforehand, and at most an eighth more than was asked for", () => {
  const pool = new BytePool();
  for (const sizeBytes of [...SIZES, 1, 65_535]) {
    const given = pool.take(sizeBytes).length;
    expect(given).toBe(pool.sizeBytesFor(sizeBytes));
    expect(given).toBeGreaterThanOrEqual(sizeBytes);
    expect(given).toBeLessThanOrEqual((sizeBytes * 9) / 8);
  }
});

test("what was given back is given again, and of idle memory no more is kept than it was told", () => {
  const made: number[] = [];
  const allocate = (sizeBytes: number): Buffer => {
    made.push(sizeBytes);
    return Buffer.alloc(sizeBytes);
  };
  const pool = new BytePool({ allocate, idleBytesMax: 3 * 65_536 });
  const taken = Array.from({ length: 5 }, () => pool.take(65_536));
  for (const bytes of taken) pool.give(bytes);
  expect(made).toHaveLength(5);
  const again = Array.from({ length: 5 }, () => pool.take(65_536));
  expect(made).toHaveLength(7);
  expect(again.filter((bytes) => taken.includes(bytes))).toHaveLength(3);
});
