import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, ring, shard, specify, timed, violates } = suite;

const half = (ring.last + 1n) / 2n;

/** Shard 0 split into 1 and 2, then 1 and 2 merged into 3: 3 is open, the others are closed. */
async function resharded() {
  const account = newAccount();
  const stream = await account.stream();
  await account.call("SplitShard", {
    StreamName: stream.name,
    ShardToSplit: shard(0),
    NewStartingHashKey: String(half),
  });
  await account.settled(stream.name);
  await account.call("MergeShards", {
    StreamName: stream.name,
    ShardToMerge: shard(1),
    AdjacentShardToMerge: shard(2),
  });
  await account.settled(stream.name);
  const ids = async (ShardFilter: object) => {
    const { Shards } = await account.call("ListShards", { StreamName: stream.name, ShardFilter });
    return Shards.map(({ ShardId }) => Number(ShardId.slice(-12)));
  };
  return { account, stream, ids };
}

specify("ListShards", () => {
  test("lists the shards of a stream in the order of their ids", async () => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: 4 });
    const { Shards, NextToken } = await account.call("ListShards", { StreamName: name });
    expect(Shards.map(({ ShardId }) => ShardId)).toEqual(suite.times(4, shard));
    expect(NextToken).toBeUndefined();
  });

  describe("pages", () => {
    test("follow each other by a token that comes alone", async () => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 5 });
      const first = await account.call("ListShards", { StreamName: name, MaxResults: 2 });
      const second = await account.call("ListShards", { NextToken: first.NextToken, MaxResults: 2 });
      const third = await account.call("ListShards", { NextToken: second.NextToken });
      const pages = [first, second, third].map(({ Shards }) => Shards.map(({ ShardId }) => ShardId));
      expect(pages).toEqual([[shard(0), shard(1)], [shard(2), shard(3)], [shard(4)]]);
      expect(third.NextToken).toBeUndefined();
    });

    test("may start after a shard", async () => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 3 });
      const { Shards } = await account.call("ListShards", {
        StreamName: name,
        ExclusiveStartShardId: shard(1),
      });
      expect(Shards.map(({ ShardId }) => ShardId)).toEqual([shard(2)]);
    });

    test("keep the filter that they began with", async () => {
      const { account, stream } = await resharded();
      const first = await account.call("ListShards", {
        StreamName: stream.name,
        MaxResults: 1,
        ShardFilter: { Type: "AFTER_SHARD_ID", ShardId: shard(1) },
      });
      const second = await account.call("ListShards", { NextToken: first.NextToken });
      expect([...first.Shards, ...second.Shards].map(({ ShardId }) => ShardId)).toEqual([shard(2), shard(3)]);
    });

    test("need a stream or a token, and not both", async () => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 2 });
      const { NextToken } = await account.call("ListShards", { StreamName: name, MaxResults: 1 });
      await refused("ListShards", "InvalidArgumentException", account.call("ListShards"));
      await refused(
        "ListShards",
        "InvalidArgumentException",
        account.call("ListShards", { StreamName: name, NextToken }),
        "NextToken and StreamName cannot be provided together.",
      );
      await refused(
        "ListShards",
        "InvalidArgumentException",
        account.call("ListShards", { NextToken: "bm90IGEgdG9rZW4=" }),
      );
    });

    timed("have tokens that are good for five minutes", async (advance) => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 3 });
      const { NextToken } = await account.call("ListShards", { StreamName: name, MaxResults: 1 });
      await advance(290_000);
      await account.call("ListShards", { NextToken });
      await advance(20_000);
      await refused("ListShards", "ExpiredNextTokenException", account.call("ListShards", { NextToken }));
    });
  });

  describe("a filter", () => {
    test("AT_LATEST leaves open shards only", async () => {
      const { ids } = await resharded();
      expect(await ids({ Type: "AT_LATEST" })).toEqual([3]);
    });

    test("FROM_TRIM_HORIZON leaves everything that still has records to read, and is the default", async () => {
      const { account, stream, ids } = await resharded();
      expect(await ids({ Type: "FROM_TRIM_HORIZON" })).toEqual([0, 1, 2, 3]);
      const { Shards } = await account.call("ListShards", { StreamName: stream.name });
      expect(Shards).toHaveLength(4);
    });

    test("AT_TRIM_HORIZON leaves the shards that were open then", async () => {
      const { ids } = await resharded();
      expect(await ids({ Type: "AT_TRIM_HORIZON" })).toEqual([0]);
    });

    test("AFTER_SHARD_ID leaves later ids", async () => {
      const { ids } = await resharded();
      expect(await ids({ Type: "AFTER_SHARD_ID", ShardId: shard(1) })).toEqual([2, 3]);
    });

    timed("AT_TIMESTAMP leaves the shards that were open at the time", async (advance) => {
      const account = newAccount();
      const { name } = await account.stream();
      await advance(60_000);
      await account.call("SplitShard", {
        StreamName: name,
        ShardToSplit: shard(0),
        NewStartingHashKey: String(half),
      });
      await account.settled(name);
      const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
      const createdMs = StreamDescriptionSummary.StreamCreationTimestamp.getTime();
      const ids = async (Type: string, afterMs: number) => {
        const ShardFilter = { Type, Timestamp: new Date(createdMs + afterMs) };
        const { Shards } = await account.call("ListShards", { StreamName: name, ShardFilter });
        return Shards.map(({ ShardId }) => Number(ShardId.slice(-12)));
      };
      expect(await ids("AT_TIMESTAMP", 30_000)).toEqual([0]);
      await advance(60_000);
      expect(await ids("AT_TIMESTAMP", 90_000)).toEqual([1, 2]);
    });

    timed("FROM_TIMESTAMP leaves out shards that were closed before the time", async (advance) => {
      const account = newAccount();
      const { name } = await account.stream();
      const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
      const createdMs = StreamDescriptionSummary.StreamCreationTimestamp.getTime();
      await account.call("SplitShard", {
        StreamName: name,
        ShardToSplit: shard(0),
        NewStartingHashKey: String(half),
      });
      await account.settled(name);
      await advance(120_000);
      const ids = async (atMs: number) => {
        const ShardFilter = { Type: "FROM_TIMESTAMP", Timestamp: new Date(atMs) };
        const { Shards } = await account.call("ListShards", { StreamName: name, ShardFilter });
        return Shards.map(({ ShardId }) => Number(ShardId.slice(-12)));
      };
      expect(await ids(createdMs)).toEqual([0, 1, 2]);
      expect(await ids(createdMs + 60_000)).toEqual([1, 2]);
    });

    test("needs the member that its type speaks of", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      for (const Type of ["AFTER_SHARD_ID", "AT_TIMESTAMP", "FROM_TIMESTAMP"]) {
        await suite.refusedAsInvalid(
          "ListShards",
          account.call("ListShards", { StreamName: name, ShardFilter: { Type } }),
        );
      }
    });

    test("has one of six types", async () => {
      await suite.violatesValues(
        "ListShards",
        newAccount().call("ListShards", { StreamName: "a", ShardFilter: { Type: "AT_NOON" } }),
        "shardFilter.type",
        "AT_NOON",
        [
          "AFTER_SHARD_ID",
          "AT_TRIM_HORIZON",
          "FROM_TRIM_HORIZON",
          "AT_LATEST",
          "AT_TIMESTAMP",
          "FROM_TIMESTAMP",
        ],
      );
    });
  });

  test("tells the family of resharded shards", async () => {
    const { account, stream } = await resharded();
    const { Shards } = await account.call("ListShards", { StreamName: stream.name });
    const [first, left, right, last] = Shards;
    expect(left).toMatchObject({
      ParentShardId: shard(0),
      HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(half - 1n) },
    });
    expect(left?.AdjacentParentShardId).toBeUndefined();
    expect(right).toMatchObject({
      ParentShardId: shard(0),
      HashKeyRange: { StartingHashKey: String(half), EndingHashKey: String(ring.last) },
    });
    expect(last).toMatchObject({
      ParentShardId: shard(1),
      AdjacentParentShardId: shard(2),
      HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(ring.last) },
    });
    const end = BigInt(first?.SequenceNumberRange.EndingSequenceNumber ?? 0);
    expect(BigInt(left?.SequenceNumberRange.StartingSequenceNumber ?? 0)).toBeGreaterThan(end);
    expect(last?.SequenceNumberRange.EndingSequenceNumber).toBeUndefined();
  });

  timed("forgets closed shards when the last of their records has expired", async (advance) => {
    const { account, stream } = await resharded();
    await advance(25 * 3_600_000);
    await suite.until("only the open shard is listed", async () => {
      const { Shards } = await account.call("ListShards", { StreamName: stream.name });
      return Shards.map(({ ShardId }) => ShardId).join() === shard(3);
    });
  });

  test("of a stream that is not the one that was created then is refused", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "ListShards",
      "ResourceNotFoundException",
      account.call("ListShards", { StreamName: name, StreamCreationTimestamp: new Date(1_000_000_000_000) }),
    );
  });

  describe("validation", () => {
    test.each([
      {
        rule: "a page has at least one shard",
        MaxResults: 0,
        expected: [suite.tooSmall("maxResults", 0, 1)],
      },
      {
        rule: "a page has at most 10,000 shards",
        MaxResults: 10_001,
        expected: [suite.tooLarge("maxResults", 10_001, 10_000)],
      },
      {
        rule: "a shard id has the characters of one",
        ExclusiveStartShardId: "a b",
        expected: [suite.offPattern("exclusiveStartShardId", "a b", suite.patterns.name)],
      },
      { rule: "a filter has a type", ShardFilter: {}, expected: [suite.mustNotBeNull("shardFilter.type")] },
    ])("$rule", async ({ rule: _, expected, ...input }) => {
      await violates(
        "ListShards",
        newAccount().call("ListShards", { StreamName: "unknown", ...input }),
        expected,
      );
    });
  });

  suite.needsActiveStream("ListShards", (_, { name }) => ({ StreamName: name }));
  suite.streamAddressing("ListShards", () => ({}));
  suite.injectedErrors("ListShards", async (account) => ({ StreamName: (await account.stream()).name }));
});
