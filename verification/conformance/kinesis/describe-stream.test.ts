import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, shard, specify, violates } = suite;

specify("DescribeStream", () => {
  test("tells everything about a stream", async () => {
    const account = newAccount();
    const beforeMs = Date.now();
    const { name, arn } = await account.stream({ ShardCount: 2 });
    const { StreamDescription: description } = await account.call("DescribeStream", { StreamName: name });
    expect(description).toMatchObject({
      StreamName: name,
      StreamARN: arn,
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      HasMoreShards: false,
      RetentionPeriodHours: 24,
      EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
      EncryptionType: "NONE",
    });
    expect(description.KeyId).toBeUndefined();
    expect(description.Shards.map(({ ShardId }) => ShardId)).toEqual([shard(0), shard(1)]);
    expect(arn).toMatch(new RegExp(`^arn:aws:kinesis:[a-z0-9-]+:${await account.id()}:stream/${name}$`));
    // Whole seconds, as the service keeps them; the clock of the service may have been moved forward.
    expect(description.StreamCreationTimestamp.getTime()).toBeGreaterThanOrEqual(beforeMs - 5_000);
  });

  describe("pages", () => {
    test("hold as many shards as were asked for, and say when there are more", async () => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 5 });
      const first = await account.call("DescribeStream", { StreamName: name, Limit: 3 });
      expect(first.StreamDescription.Shards.map(({ ShardId }) => ShardId)).toEqual([
        shard(0),
        shard(1),
        shard(2),
      ]);
      expect(first.StreamDescription.HasMoreShards).toBe(true);
      const second = await account.call("DescribeStream", {
        StreamName: name,
        Limit: 3,
        ExclusiveStartShardId: shard(2),
      });
      expect(second.StreamDescription.Shards.map(({ ShardId }) => ShardId)).toEqual([shard(3), shard(4)]);
      expect(second.StreamDescription.HasMoreShards).toBe(false);
    });

    test("hold 100 shards unless told otherwise", async () => {
      const account = newAccount();
      const { name } = await account.stream({ ShardCount: 101 });
      const { StreamDescription } = await account.call("DescribeStream", { StreamName: name });
      expect(StreamDescription.Shards).toHaveLength(100);
      expect(StreamDescription.HasMoreShards).toBe(true);
    });
  });

  describe("validation", () => {
    test.each([
      { rule: "a page has at least one shard", Limit: 0, expected: [suite.tooSmall("limit", 0, 1)] },
      {
        rule: "a page has at most 10,000 shards",
        Limit: 10_001,
        expected: [suite.tooLarge("limit", 10_001, 10_000)],
      },
      {
        rule: "a shard id has the characters of one",
        ExclusiveStartShardId: "a b",
        expected: [suite.offPattern("exclusiveStartShardId", "a b", suite.patterns.name)],
      },
    ])("$rule", async ({ rule: _, expected, ...input }) => {
      await violates(
        "DescribeStream",
        newAccount().call("DescribeStream", { StreamName: "unknown", ...input }),
        expected,
      );
    });
  });

  test("is limited to ten calls a second for an account", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const { accepted } = await suite.meetsLimit(
      "DescribeStream",
      "LimitExceededException",
      suite.burst(account, "DescribeStream", 40, () => ({ StreamName: name })),
      /^Rate exceeded for /,
    );
    expect(accepted).toBeGreaterThanOrEqual(5);
  });

  suite.streamAddressing("DescribeStream", () => ({}));
  suite.injectedErrors("DescribeStream", async (account) => ({ StreamName: (await account.stream()).name }));
});
