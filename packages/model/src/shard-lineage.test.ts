import { describe, expect, test } from "vitest";
import type { LineageShard } from "./index.ts";
import { ancestorsOf, childrenOf, isOpenAtOrAfter, isRetained, wasOpenAt } from "./index.ts";

// 0 is split into 1 and 2, which are merged into 3.
const shards: LineageShard[] = [
  { shardIndex: 0, parents: [], createdMs: 100, closedMs: 200 },
  { shardIndex: 1, parents: [0], createdMs: 200, closedMs: 300 },
  { shardIndex: 2, parents: [0], createdMs: 200, closedMs: 300 },
  { shardIndex: 3, parents: [1, 2], createdMs: 300, closedMs: undefined },
];
const indexes = (list: readonly LineageShard[]) => list.map(({ shardIndex }) => shardIndex);

describe("shard lineage", () => {
  test("ancestors come nearest first and each once", () => {
    expect(indexes(ancestorsOf(shards[3]!, (index) => shards[index]))).toEqual([1, 2, 0]);
    expect(indexes(ancestorsOf(shards[3]!, (index) => (index === 0 ? undefined : shards[index])))).toEqual([
      1, 2,
    ]);
  });

  test("children are known by their parents", () => {
    const children = childrenOf(shards);
    expect(indexes(children.get(0)!)).toEqual([1, 2]);
    expect(indexes(children.get(2)!)).toEqual([3]);
    expect(children.get(3)).toBeUndefined();
  });

  test("a shard was open from its creation until its close, both included", () => {
    expect(indexes(shards.filter((shard) => wasOpenAt(shard, 250)))).toEqual([1, 2]);
    expect(indexes(shards.filter((shard) => wasOpenAt(shard, 200)))).toEqual([0, 1, 2]);
    expect(indexes(shards.filter((shard) => wasOpenAt(shard, 99)))).toEqual([]);
    expect(indexes(shards.filter((shard) => isOpenAtOrAfter(shard, 201)))).toEqual([1, 2, 3]);
  });

  test("a closed shard is retained for one retention period", () => {
    expect(isRetained(shards[0]!, 299, 100)).toBe(true);
    expect(isRetained(shards[0]!, 300, 100)).toBe(false);
    expect(isRetained(shards[3]!, 1e12, 100)).toBe(true);
  });
});
