import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, ring, shard, specify, utf8, violates } = suite;

const merge = { ShardToMerge: shard(0), AdjacentShardToMerge: shard(1) };
const two = { ShardCount: 2 };

specify("MergeShards", () => {
  test("closes both shards and opens one that has their range", async () => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: 3 });
    await account.call("MergeShards", { StreamName: name, ...merge });
    await account.settled(name);
    const { Shards } = await account.call("ListShards", { StreamName: name });
    const [left, right, other, child] = Shards;
    expect(child).toMatchObject({
      ShardId: shard(3),
      ParentShardId: shard(0),
      AdjacentParentShardId: shard(1),
      HashKeyRange: {
        StartingHashKey: left?.HashKeyRange.StartingHashKey,
        EndingHashKey: right?.HashKeyRange.EndingHashKey,
      },
    });
    expect(other?.SequenceNumberRange.EndingSequenceNumber).toBeUndefined();
    for (const parent of [left, right]) {
      expect(BigInt(child?.SequenceNumberRange.StartingSequenceNumber ?? 0)).toBeGreaterThan(
        BigInt(parent?.SequenceNumberRange.EndingSequenceNumber ?? 0),
      );
    }
  });

  test("sends later records to the child", async () => {
    const account = newAccount();
    const stream = await account.stream(two);
    const put = (ExplicitHashKey: string) =>
      account.call("PutRecord", {
        StreamName: stream.name,
        Data: utf8("x"),
        PartitionKey: "k",
        ExplicitHashKey,
      });
    const before = [await put("0"), await put(String(ring.last))];
    expect(before.map(({ ShardId }) => ShardId)).toEqual([shard(0), shard(1)]);
    await account.call("MergeShards", { StreamName: stream.name, ...merge });
    await account.settled(stream.name);
    const after = [await put("0"), await put(String(ring.last))];
    expect(after.map(({ ShardId }) => ShardId)).toEqual([shard(2), shard(2)]);
    for (const { SequenceNumber } of before) {
      expect(BigInt(after[0]?.SequenceNumber ?? 0)).toBeGreaterThan(BigInt(SequenceNumber));
    }
  });

  test("the end of each parent names the child with both its parents", async () => {
    const account = newAccount();
    const stream = await account.stream(two);
    await account.call("MergeShards", { StreamName: stream.name, ...merge });
    await account.settled(stream.name);
    for (const parent of [shard(0), shard(1)]) {
      const answer = await suite.readToEnd(account, stream, parent);
      expect(answer.ChildShards).toHaveLength(1);
      expect(answer.ChildShards[0]?.ShardId).toBe(shard(2));
      expect(answer.ChildShards[0]?.ParentShards.toSorted()).toEqual([shard(0), shard(1)]);
    }
  });

  test("refuses shards that are not neighbours", async () => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: 3 });
    await refused(
      "MergeShards",
      "InvalidArgumentException",
      account.call("MergeShards", {
        StreamName: name,
        ShardToMerge: shard(0),
        AdjacentShardToMerge: shard(2),
      }),
      `Shards ${shard(0)} and ${shard(2)} in stream ${name} under account ${await account.id()} are not an adjacent pair of shards eligible for merging`,
    );
  });

  test.each([
    { where: "as the first", input: { ...merge, ShardToMerge: shard(7) } },
    { where: "as the second", input: { ...merge, AdjacentShardToMerge: shard(7) } },
  ])("refuses a shard that the stream does not have $where", async ({ input }) => {
    const account = newAccount();
    const { name } = await account.stream(two);
    await refused(
      "MergeShards",
      "ResourceNotFoundException",
      account.call("MergeShards", { StreamName: name, ...input }),
      `Could not find shard ${shard(7)} in stream ${name} under account ${await account.id()}.`,
    );
  });

  test("is limited to five calls a second", async () => {
    const account = newAccount();
    const { name } = await account.stream(two);
    await suite.meetsLimit(
      "MergeShards",
      "LimitExceededException",
      suite.burst(account, "MergeShards", 20, () => ({ StreamName: name, ...merge })),
      /^Rate exceeded for /,
    );
  });

  describe("validation", () => {
    test.each([
      {
        rule: "two shards are needed",
        input: {},
        expected: [suite.mustNotBeNull("shardToMerge"), suite.mustNotBeNull("adjacentShardToMerge")],
      },
      {
        rule: "shard ids have the characters of one",
        input: { ShardToMerge: "a b", AdjacentShardToMerge: "" },
        expected: [
          suite.offPattern("shardToMerge", "a b", suite.patterns.name),
          suite.offPattern("adjacentShardToMerge", "", suite.patterns.name),
          suite.tooShort("adjacentShardToMerge", "", 1),
        ],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates(
        "MergeShards",
        newAccount().call("MergeShards", { StreamName: "none", ...input }),
        expected,
      );
    });
  });

  suite.needsActiveStream("MergeShards", (_, { name }) => ({ StreamName: name, ...merge }), two);
  suite.streamAddressing("MergeShards", () => merge, { stream: two });
  suite.injectedErrors("MergeShards", async (account) => ({
    StreamName: (await account.stream(two)).name,
    ...merge,
  }));
});
