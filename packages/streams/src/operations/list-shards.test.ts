import type { InputOf, ListShards } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const HOUR_MS = 3_600_000;

/** One shard, split after an hour, its children merged after another. */
async function familyOfShards() {
  const service = await serviceUnderTest({ limits: { mode: "off" } });
  const { call, clock } = service;
  const startMs = clock.nowMs();
  await service.createStream("s", 1);
  await clock.advance(HOUR_MS);
  await call("SplitShard", { StreamName: "s", ShardToSplit: "0", NewStartingHashKey: String(1n << 127n) });
  await clock.advance(HOUR_MS);
  await call("MergeShards", { StreamName: "s", ShardToMerge: "1", AdjacentShardToMerge: "2" });
  await clock.advance(HOUR_MS);
  const list = async (input: Omit<InputOf<typeof ListShards>, "StreamName">): Promise<number[]> =>
    (await call("ListShards", { StreamName: "s", ...input })).Shards!.map(({ ShardId }) =>
      Number(ShardId.slice(-3)),
    );
  return { service, list, startMs };
}

describe("ListShards", () => {
  test("each filter gives the shards of its time", async () => {
    const { list, startMs } = await familyOfShards();
    const at = (hours: number): number => startMs + hours * HOUR_MS;
    expect(await list({})).toEqual([0, 1, 2, 3]);
    expect(await list({ ShardFilter: { Type: "AT_LATEST" } })).toEqual([3]);
    expect(await list({ ShardFilter: { Type: "AT_TRIM_HORIZON" } })).toEqual([0]);
    expect(await list({ ShardFilter: { Type: "FROM_TRIM_HORIZON" } })).toEqual([0, 1, 2, 3]);
    expect(await list({ ShardFilter: { Type: "AT_TIMESTAMP", Timestamp: at(0.5) } })).toEqual([0]);
    expect(await list({ ShardFilter: { Type: "AT_TIMESTAMP", Timestamp: at(1.5) } })).toEqual([1, 2]);
    expect(await list({ ShardFilter: { Type: "AT_TIMESTAMP", Timestamp: 0 } })).toEqual([0]);
    expect(await list({ ShardFilter: { Type: "FROM_TIMESTAMP", Timestamp: at(1.5) } })).toEqual([1, 2, 3]);
    expect(await list({ ShardFilter: { Type: "AFTER_SHARD_ID", ShardId: "shardId-000000000001" } })).toEqual([
      2, 3,
    ]);
    expect(await list({ ExclusiveStartShardId: "shardId-000000000002" })).toEqual([3]);
  });

  test("closed shards leave the listing when retention ends, one after the other", async () => {
    const { list, service } = await familyOfShards();
    const { clock, engine } = service;
    await clock.advance(21 * HOUR_MS);
    expect(await list({})).toEqual([0, 1, 2, 3]);
    await clock.advance(1.5 * HOUR_MS);
    expect(await list({})).toEqual([1, 2, 3]);
    expect(await list({ ShardFilter: { Type: "AT_TRIM_HORIZON" } })).toEqual([1, 2]);
    expect([...engine.state.list("shard/")]).toHaveLength(3);
    await clock.advance(HOUR_MS);
    expect(await list({})).toEqual([3]);
    expect(engine.statistics().logCount).toBe(1);
    expect((await service.call("DescribeStream", { StreamName: "s" })).StreamDescription.Shards).toHaveLength(
      1,
    );
  });

  test("a shard that left the listing does not come back when the period is raised", async () => {
    const { list, service, startMs } = await familyOfShards();
    const { call, clock } = service;
    // The first shard closed 50 ms after the first hour; the pass of this minute is yet to come.
    await clock.advance(startMs + 25 * HOUR_MS + 60 + 50 + 1 - clock.nowMs());
    expect(await list({})).toEqual([1, 2, 3]);
    await call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 100 });
    expect(await list({})).toEqual([1, 2, 3]);
    expect(await list({ ShardFilter: { Type: "AT_TRIM_HORIZON" } })).toEqual([1, 2]);
  });

  test("pages follow one another by token, and each token stands for the whole request", async () => {
    const { call, clock, createStream, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    await createStream("s", 2_500);
    const first = await call("ListShards", { StreamName: "s", ShardFilter: { Type: "AT_LATEST" } });
    expect(first.Shards).toHaveLength(1_000);
    const second = await call("ListShards", { NextToken: first.NextToken!, MaxResults: 1_400 });
    expect(second.Shards![0]!.ShardId).toBe("shardId-000000001000");
    expect(second.Shards).toHaveLength(1_000);
    const third = await call("ListShards", { NextToken: second.NextToken! });
    expect(third.Shards).toHaveLength(500);
    expect(third.NextToken).toBeUndefined();
    expect(await failureOf("ListShards", { NextToken: first.NextToken!, StreamName: "s" })).toMatchObject({
      code: "InvalidArgumentException",
      message: "NextToken and StreamName cannot be provided together.",
    });
    expect(await failureOf("ListShards", {})).toMatchObject({
      code: "InvalidArgumentException",
      message: "Either NextToken or StreamName should be provided.",
    });
    expect((await failureOf("ListShards", { NextToken: `${first.NextToken}x` })).code).toBe(
      "InvalidArgumentException",
    );
    await clock.advance(300_001);
    expect((await failureOf("ListShards", { NextToken: first.NextToken! })).code).toBe(
      "ExpiredNextTokenException",
    );
  });

  test("requests that cannot be answered are refused", async () => {
    const { call, createStream, clock, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    expect((await failureOf("ListShards", { StreamName: "t" })).message).toBe(
      "Stream t under account 123456789012 not found.",
    );
    for (const ShardFilter of [
      { Type: "AFTER_SHARD_ID" },
      { Type: "AT_TIMESTAMP" },
      { Type: "FROM_TIMESTAMP" },
    ] as const) {
      expect((await failureOf("ListShards", { StreamName: "s", ShardFilter })).code).toBe(
        "InvalidArgumentException",
      );
    }
    const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName: "s" });
    const StreamCreationTimestamp = StreamDescriptionSummary.StreamCreationTimestamp;
    expect((await call("ListShards", { StreamName: "s", StreamCreationTimestamp })).Shards).toHaveLength(1);
    expect((await failureOf("ListShards", { StreamName: "s", StreamCreationTimestamp: 1_000 })).code).toBe(
      "ResourceNotFoundException",
    );
    await call("CreateStream", { StreamName: "new", ShardCount: 1 });
    expect((await failureOf("ListShards", { StreamName: "new" })).code).toBe("ResourceInUseException");
    await clock.advance(60);
  });
});

test("DescribeStream gives at most 100 shards and goes on after one", async () => {
  const { call, createStream } = await serviceUnderTest({ limits: { mode: "off" } });
  await createStream("s", 150);
  const first = (await call("DescribeStream", { StreamName: "s", Limit: 10_000 })).StreamDescription;
  expect(first.Shards).toHaveLength(100);
  expect(first.HasMoreShards).toBe(true);
  const ExclusiveStartShardId = first.Shards.at(-1)!.ShardId;
  const second = (await call("DescribeStream", { StreamName: "s", ExclusiveStartShardId })).StreamDescription;
  expect(second.Shards).toHaveLength(50);
  expect(second.HasMoreShards).toBe(false);
});
