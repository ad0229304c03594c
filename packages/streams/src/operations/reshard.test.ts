import type { ListShards, OutputOf } from "@millrace/api";
import { parseSequenceNumber } from "@millrace/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const HALF = 1n << 127n;
const RING_MAX = (1n << 128n) - 1n;

async function shardsOf({ call }: ServiceUnderTest, name = "s") {
  const shards = [];
  for (let input: { StreamName: string } | { NextToken: string } = { StreamName: name }; ;) {
    const page: OutputOf<typeof ListShards> = await call("ListShards", input);
    shards.push(...page.Shards!);
    if (page.NextToken === undefined) return shards;
    input = { NextToken: page.NextToken };
  }
}

const isOpen = (shard: { SequenceNumberRange: { EndingSequenceNumber?: string } }): boolean =>
  shard.SequenceNumberRange.EndingSequenceNumber === undefined;

/** All records of a shard with the answer that ended it, or the last one. */
async function readAll({ call, clock }: ServiceUnderTest, ShardId: string, StreamName = "s") {
  const { ShardIterator } = await call("GetShardIterator", {
    StreamName,
    ShardId,
    ShardIteratorType: "TRIM_HORIZON",
  });
  const records = [];
  for (let iterator = ShardIterator!; ;) {
    const got = await call("GetRecords", { ShardIterator: iterator, Limit: 7 });
    records.push(...got.Records);
    if (got.NextShardIterator === undefined || got.Records.length === 0) return { records, last: got };
    iterator = got.NextShardIterator;
    await clock.advance(200);
  }
}

describe("SplitShard", () => {
  test("the parent closes and its children, the halves of its range, open", async () => {
    const service = await serviceUnderTest();
    const { call, clock, createStream, failureOf } = service;
    await createStream("s", 1);
    const before = await call("PutRecord", {
      StreamName: "s",
      PartitionKey: "a",
      Data: Buffer.from("before"),
    });
    await call("SplitShard", {
      StreamName: "s",
      ShardToSplit: "shardId-0",
      NewStartingHashKey: String(HALF),
    });
    expect((await call("DescribeStream", { StreamName: "s" })).StreamDescription).toMatchObject({
      StreamStatus: "UPDATING",
    });
    expect(
      await failureOf("SplitShard", {
        StreamName: "s",
        ShardToSplit: "shardId-0",
        NewStartingHashKey: String(HALF),
      }),
    ).toMatchObject({
      code: "ResourceInUseException",
      message: "Stream s under account 123456789012 not ACTIVE, instead in state UPDATING",
    });
    const during = await call("PutRecord", {
      StreamName: "s",
      PartitionKey: "a",
      Data: Buffer.from("during"),
    });
    expect(during.ShardId).toBe("shardId-000000000000");
    await clock.advance(60);

    const [parent, lower, upper] = await shardsOf(service);
    expect(parent!.SequenceNumberRange.EndingSequenceNumber! > during.SequenceNumber).toBe(true);
    expect(lower).toMatchObject({
      ShardId: "shardId-000000000001",
      ParentShardId: "shardId-000000000000",
      HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(HALF - 1n) },
    });
    expect(upper).toMatchObject({
      ShardId: "shardId-000000000002",
      ParentShardId: "shardId-000000000000",
      HashKeyRange: { StartingHashKey: String(HALF), EndingHashKey: String(RING_MAX) },
    });
    expect(lower).not.toHaveProperty("AdjacentParentShardId");
    for (const child of [lower!, upper!]) {
      expect(
        child.SequenceNumberRange.StartingSequenceNumber > parent!.SequenceNumberRange.EndingSequenceNumber!,
      ).toBe(true);
    }
    const after = await call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.from("after") });
    expect(after.ShardId).toBe("shardId-000000000001");
    expect(after.SequenceNumber > during.SequenceNumber).toBe(true);

    const { records, last } = await readAll(service, "shardId-000000000000");
    expect(records.map(({ SequenceNumber }) => SequenceNumber)).toEqual([
      before.SequenceNumber,
      during.SequenceNumber,
    ]);
    expect(last.NextShardIterator).toBeUndefined();
    expect(last.ChildShards).toEqual(
      [lower, upper].map((child) => ({
        ShardId: child!.ShardId,
        ParentShards: ["shardId-000000000000"],
        HashKeyRange: child!.HashKeyRange,
      })),
    );
    expect(last.MillisBehindLatest).toBe(0);
  });

  test("a closed, empty parent ends at its first read", async () => {
    const service = await serviceUnderTest();
    await service.createStream("s", 1);
    await service.call("SplitShard", { StreamName: "s", ShardToSplit: "0", NewStartingHashKey: "2" });
    await service.clock.advance(60);
    const { records, last } = await readAll(service, "0");
    expect(records).toEqual([]);
    expect(last.ChildShards).toHaveLength(2);
  });

  test("children are above their parents even in the second of the parents' creation", async () => {
    const service = await serviceUnderTest({ transitionDelayMs: 0 });
    const { call, clock } = service;
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    await clock.advance(1);
    for (let depth = 0; depth < 5; depth += 1) {
      const tip = (await shardsOf(service)).filter(isOpen)[0]!;
      const { StartingHashKey, EndingHashKey } = tip.HashKeyRange;
      const NewStartingHashKey = String((BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n);
      await call("SplitShard", { StreamName: "s", ShardToSplit: tip.ShardId, NewStartingHashKey });
      await clock.advance(1);
    }
    const shards = await shardsOf(service);
    const byId = new Map(shards.map((shard) => [shard.ShardId, shard]));
    for (const { ParentShardId, SequenceNumberRange } of shards) {
      if (ParentShardId === undefined) continue;
      const ending = byId.get(ParentShardId)!.SequenceNumberRange.EndingSequenceNumber!;
      expect(SequenceNumberRange.StartingSequenceNumber > ending).toBe(true);
      // The leading field says so by itself, whatever the shard's index.
      const generation = parseSequenceNumber(SequenceNumberRange.StartingSequenceNumber)!.generation;
      expect(generation).toBeGreaterThan(parseSequenceNumber(ending)!.generation);
    }
  });

  test("keys and shards that cannot be split are refused, as the service words it", async () => {
    const { call, clock, createStream, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    await createStream("s", 3);
    const third = "113427455640312821154458202477256070484";
    for (const [hashKey, shardId, starting, ending] of [
      ["1", "shardId-000000000000", "0", third],
      [third, "shardId-000000000000", "0", third],
      [
        "999999999999999999999999999999999999999",
        "shardId-000000000002",
        "226854911280625642308916404954512140970",
        String(RING_MAX),
      ],
    ] as const) {
      expect(
        await failureOf("SplitShard", {
          StreamName: "s",
          ShardToSplit: shardId,
          NewStartingHashKey: hashKey,
        }),
      ).toEqual({
        code: "InvalidArgumentException",
        message:
          `NewStartingHashKey ${hashKey} used in SplitShard() on shard ${shardId} in stream s under account 123456789012 ` +
          `is not both greater than one plus the shard's StartingHashKey ${starting} and less than the shard's EndingHashKey ${ending}.`,
        status: 400,
      });
    }
    const split = { StreamName: "s", NewStartingHashKey: "2" };
    expect((await failureOf("SplitShard", { ...split, ShardToSplit: "shardId-5" })).message).toBe(
      "Could not find shard shardId-000000000005 in stream s under account 123456789012.",
    );
    expect((await failureOf("SplitShard", { ...split, ShardToSplit: "ABKLFD8" })).message).toBe(
      "Could not find shard ABKLFD8 in stream s under account 123456789012.",
    );
    expect((await failureOf("SplitShard", { ...split, StreamName: "t", ShardToSplit: "0" })).message).toBe(
      "Stream t under account 123456789012 not found.",
    );
    await call("SplitShard", { ...split, ShardToSplit: "0" });
    await clock.advance(60);
    expect((await failureOf("SplitShard", { ...split, ShardToSplit: "0" })).code).toBe(
      "InvalidArgumentException",
    );
  });
});

describe("MergeShards", () => {
  test("neighbours close and their child opens with both as parents", async () => {
    const service = await serviceUnderTest();
    const { call, clock, createStream } = service;
    await createStream("s", 2);
    await call("MergeShards", {
      StreamName: "s",
      ShardToMerge: "shardId-0",
      AdjacentShardToMerge: "shardId-1",
    });
    await clock.advance(60);
    const [, , child] = await shardsOf(service);
    expect(child).toMatchObject({
      ShardId: "shardId-000000000002",
      ParentShardId: "shardId-000000000000",
      AdjacentParentShardId: "shardId-000000000001",
      HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(RING_MAX) },
    });
    const { last } = await readAll(service, "shardId-000000000001");
    expect(last.ChildShards).toEqual([
      {
        ShardId: "shardId-000000000002",
        ParentShards: ["shardId-000000000000", "shardId-000000000001"],
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(RING_MAX) },
      },
    ]);
  });

  test("shards that are not neighbours, or in the wrong order, are refused", async () => {
    const { createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 3);
    for (const [one, other] of [
      [0, 2],
      [1, 0],
    ]) {
      const input = {
        StreamName: "s",
        ShardToMerge: `shardId-${one}`,
        AdjacentShardToMerge: `shardId-${other}`,
      };
      expect(await failureOf("MergeShards", input)).toMatchObject({
        code: "InvalidArgumentException",
        message:
          `Shards shardId-00000000000${one} and shardId-00000000000${other} in stream s under account 123456789012 ` +
          "are not an adjacent pair of shards eligible for merging",
      });
    }
  });
});

describe("UpdateShardCount", () => {
  const scale = (TargetShardCount: number) => ({
    StreamName: "s",
    TargetShardCount,
    ScalingType: "UNIFORM_SCALING" as const,
  });

  test("twice as many shards are made by splits only, half as many by merges only", async () => {
    const service = await serviceUnderTest();
    await service.createStream("s", 2);
    expect(await service.call("UpdateShardCount", scale(4))).toEqual({
      StreamName: "s",
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      CurrentShardCount: 2,
      TargetShardCount: 4,
    });
    await service.clock.advance(60);
    expect((await shardsOf(service)).map(isOpen)).toEqual([false, false, true, true, true, true]);
    await service.call("UpdateShardCount", scale(2));
    await service.clock.advance(60);
    expect((await shardsOf(service)).filter(isOpen)).toHaveLength(2);
    expect(await shardsOf(service)).toHaveLength(8);
  });

  test("any reachable count gives equal tiles, and every range of the past has its heirs", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 1, max: 24 }), { maxLength: 3 }),
        async (first, targets) => {
          const service = await serviceUnderTest({ limits: { mode: "off" } });
          const { call, clock } = service;
          await call("CreateStream", { StreamName: "s", ShardCount: first });
          await clock.advance(60);
          let current = first;
          for (const wanted of targets) {
            current = Math.min(Math.max(wanted, Math.ceil(current / 2)), current * 2);
            await call("UpdateShardCount", scale(current));
            await clock.advance(60);
          }
          const shards = await shardsOf(service);
          const open = shards
            .filter(isOpen)
            .sort(
              (a, b) =>
                Number(BigInt(a.HashKeyRange.StartingHashKey) - BigInt(b.HashKeyRange.StartingHashKey) > 0n) *
                  2 -
                1,
            );
          const size = (1n << 128n) / BigInt(current);
          expect(open.map(({ HashKeyRange }) => HashKeyRange.StartingHashKey)).toEqual(
            Array.from({ length: current }, (_, index) => String(size * BigInt(index))),
          );
          expect(open.at(-1)!.HashKeyRange.EndingHashKey).toBe(String(RING_MAX));
          const byId = new Map(shards.map((shard) => [shard.ShardId, shard]));
          for (const shard of shards) {
            for (const parentId of [shard.ParentShardId, shard.AdjacentParentShardId]) {
              if (parentId === undefined) continue;
              const parent = byId.get(parentId)!;
              expect(isOpen(parent)).toBe(false);
              expect(
                parent.SequenceNumberRange.EndingSequenceNumber! <
                  shard.SequenceNumberRange.StartingSequenceNumber,
              ).toBe(true);
            }
            // A closed shard's children cover its range.
            if (isOpen(shard)) continue;
            const children = shards.filter((child) =>
              [child.ParentShardId, child.AdjacentParentShardId].includes(shard.ShardId),
            );
            const [low, high] = [
              BigInt(shard.HashKeyRange.StartingHashKey),
              BigInt(shard.HashKeyRange.EndingHashKey),
            ];
            const starts = children.map(({ HashKeyRange }) => BigInt(HashKeyRange.StartingHashKey));
            const ends = children.map(({ HashKeyRange }) => BigInt(HashKeyRange.EndingHashKey));
            expect(starts.some((start) => start <= low) && ends.some((end) => end >= high)).toBe(true);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("a count that is out of reach is refused", async () => {
    const { createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 6);
    expect(await failureOf("UpdateShardCount", scale(13))).toMatchObject({
      code: "LimitExceededException",
      message:
        "UpdateShardCount cannot scale up over double your current open shard count. " +
        "Current open shard count: 6 Target shard count: 13",
    });
    expect((await failureOf("UpdateShardCount", scale(2))).message).toBe(
      "UpdateShardCount cannot scale down below half your current open shard count. " +
        "Current open shard count: 6 Target shard count: 2",
    );
    expect((await failureOf("UpdateShardCount", scale(10_001))).code).toBe("LimitExceededException");
  });

  test("ten calls in 24 hours are taken, also across a restart", async () => {
    let service = await serviceUnderTest();
    await service.createStream("s", 2);
    for (let turn = 0; turn < 10; turn += 1) {
      if (turn === 5) service = await service.restart();
      await service.call("UpdateShardCount", scale(turn % 2 === 0 ? 4 : 2));
      await service.clock.advance(1_000);
    }
    expect((await service.failureOf("UpdateShardCount", scale(4))).code).toBe("LimitExceededException");
    await service.clock.advance(24 * 3_600_000);
    await service.call("UpdateShardCount", scale(4));
  });
});

test("what was pending when the server stopped is finished after it starts again", async () => {
  const first = await serviceUnderTest({ transitionDelayMs: 1_000 });
  const { call, clock } = first;
  await call("CreateStream", { StreamName: "s", ShardCount: 1 });
  await call("CreateStream", { StreamName: "t", ShardCount: 1 });
  const second = await first.restart();
  expect((await second.call("DescribeStream", { StreamName: "s" })).StreamDescription.StreamStatus).toBe(
    "CREATING",
  );
  await clock.advance(1_000);
  expect((await second.call("DescribeStream", { StreamName: "s" })).StreamDescription.StreamStatus).toBe(
    "ACTIVE",
  );
  await second.call("SplitShard", { StreamName: "s", ShardToSplit: "0", NewStartingHashKey: String(HALF) });
  await second.call("DeleteStream", { StreamName: "t" });
  await second.streams.close();
  await clock.advance(10_000);
  const third = await second.restart();
  await clock.advance(0);
  expect((await shardsOf(third)).map(isOpen)).toEqual([false, true, true]);
  expect((await third.call("ListStreams", {})).StreamNames).toEqual(["s"]);
});
