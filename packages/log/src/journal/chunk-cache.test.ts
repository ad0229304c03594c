import { MemoryBudget } from "@millrace/runtime";
import { expect, test } from "vitest";
import { ChunkCache } from "./chunk-cache.ts";
import type { Segment } from "./segment.ts";

const CHUNK_BYTES = 100;
const segment = { number: 3 } as Segment;

function offsetsIn(cache: ChunkCache, count: number): number[] {
  return Array.from({ length: count }, (_, offset) => offset).filter(
    (offset) => cache.get(segment, offset) !== undefined,
  );
}

test("the oldest chunks make room for new ones, also after all were given up", () => {
  const budget = new MemoryBudget(1_000);
  const cache = new ChunkCache(budget, 500);
  let next = 0;
  const put = (count: number) => {
    for (let i = 0; i < count; i += 1) cache.put(segment, next++, Buffer.alloc(CHUNK_BYTES, next));
  };
  for (let round = 0; round < 200; round += 1) {
    put(1 + (round % 7));
    if (round % 5 === 0) {
      // Somebody else wants everything.
      expect(budget.tryReserve(1_000)).toBe(true);
      expect(cache.bytes).toBe(0);
      budget.release(1_000);
    } else {
      const kept = offsetsIn(cache, next);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => next - kept.length + i));
      expect(cache.bytes).toBe(kept.length * CHUNK_BYTES);
    }
    expect(budget.usedBytes).toBe(cache.bytes);
  }
  put(5);
  expect(offsetsIn(cache, next)).toHaveLength(5);
  expect(cache.get(segment, next - 1)).toEqual(Buffer.alloc(CHUNK_BYTES, next));
});
