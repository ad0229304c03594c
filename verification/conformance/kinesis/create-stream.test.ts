import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { mustNotBeNull, newAccount, offPattern, refused, ring, shard, specify, times, uniqueName } = suite;

specify("CreateStream", () => {
  test("makes a stream that is CREATING first and ACTIVE soon", async () => {
    const account = newAccount();
    await account.id();
    await suite.whileInState(async () => {
      const name = await account.creatingStream();
      const { StreamDescription } = await account.call("DescribeStream", { StreamName: name });
      if (StreamDescription.StreamStatus !== "CREATING") throw new Error("too slow to see it");
      expect(StreamDescription.Shards).toEqual([]);
      await account.settled(name);
    });
  });

  test("divides the whole ring of hash keys evenly between its shards, the last taking the rest", async () => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: 3 });
    const { Shards } = await account.call("ListShards", { StreamName: name });
    const width = (ring.last + 1n) / 3n;
    expect(Shards.map(({ ShardId, HashKeyRange }) => ({ ShardId, HashKeyRange }))).toEqual([
      {
        ShardId: shard(0),
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(width - 1n) },
      },
      {
        ShardId: shard(1),
        HashKeyRange: { StartingHashKey: String(width), EndingHashKey: String(2n * width - 1n) },
      },
      {
        ShardId: shard(2),
        HashKeyRange: { StartingHashKey: String(2n * width), EndingHashKey: String(ring.last) },
      },
    ]);
  });

  test("makes open shards whose sequence numbers have 56 digits and start with 49", async () => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: 2 });
    const { Shards } = await account.call("ListShards", { StreamName: name });
    for (const { SequenceNumberRange, ...rest } of Shards) {
      expect(SequenceNumberRange.StartingSequenceNumber).toMatch(/^49\d{54}$/);
      expect(SequenceNumberRange.EndingSequenceNumber).toBeUndefined();
      expect(rest.ParentShardId).toBeUndefined();
    }
  });

  test("makes a provisioned stream that keeps records for a day unless told otherwise", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const { StreamDescriptionSummary: summary } = await account.call("DescribeStreamSummary", {
      StreamName: name,
    });
    expect(summary.StreamModeDetails).toEqual({ StreamMode: "PROVISIONED" });
    expect(summary.RetentionPeriodHours).toBe(24);
    expect(summary.MaxRecordSizeInKiB).toBe(1024);
  });

  test("makes an on-demand stream with four shards", async () => {
    const account = newAccount();
    const { name } = await account.stream({ StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    const { StreamDescriptionSummary: summary } = await account.call("DescribeStreamSummary", {
      StreamName: name,
    });
    expect(summary.StreamModeDetails).toEqual({ StreamMode: "ON_DEMAND" });
    expect(summary.OpenShardCount).toBe(4);
  });

  test("attaches the tags that come with it", async () => {
    const account = newAccount();
    const { name } = await account.stream({ Tags: { stage: "test", owner: "" } });
    const { Tags } = await account.call("ListTagsForStream", { StreamName: name });
    expect(Tags).toEqual([
      { Key: "owner", Value: "" },
      { Key: "stage", Value: "test" },
    ]);
  });

  test("keeps the largest record size that it is told", async () => {
    const account = newAccount();
    const { name } = await account.stream({ MaxRecordSizeInKiB: 2048 });
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
    expect(StreamDescriptionSummary.MaxRecordSizeInKiB).toBe(2048);
  });

  test("refuses a name that is taken", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "CreateStream",
      "ResourceInUseException",
      account.call("CreateStream", { StreamName: name, ShardCount: 1 }),
      `Stream ${name} under account ${await account.id()} already exists.`,
    );
  });

  suite.member(
    "RecordDistributionStrategy",
    "refuses automatic record distribution on a provisioned stream",
    async () => {
      const account = newAccount();
      await refused(
        "CreateStream",
        "InvalidArgumentException",
        account.call("CreateStream", {
          StreamName: uniqueName(),
          ShardCount: 1,
          StreamModeDetails: { StreamMode: "PROVISIONED" },
          RecordDistributionStrategy: "AUTO",
        }),
      );
    },
  );

  test("is limited to five calls a second and to five streams being created, for an account", async () => {
    const account = newAccount();
    const { accepted } = await suite.meetsLimit(
      "CreateStream",
      "LimitExceededException",
      suite.burst(account, "CreateStream", 15, () => ({ StreamName: uniqueName(), ShardCount: 1 })),
      /^Rate exceeded for |simultaneously/,
    );
    expect(accepted).toBeGreaterThanOrEqual(1);
    expect(accepted).toBeLessThan(12);
  });

  describe("validation", () => {
    test.each([
      { rule: "a name is needed", input: { ShardCount: 1 }, expected: [mustNotBeNull("streamName")] },
      {
        rule: "a name has no semicolon",
        input: { StreamName: "a;b", ShardCount: 1 },
        expected: [offPattern("streamName", "a;b", suite.patterns.name)],
      },
      {
        rule: "a name is at most 128 characters long",
        input: { StreamName: "a".repeat(129), ShardCount: 1 },
        expected: [suite.tooLong("streamName", "a".repeat(129), 128)],
      },
      {
        rule: "there is at least one shard",
        input: { StreamName: "a", ShardCount: 0 },
        expected: [suite.tooSmall("shardCount", 0, 1)],
      },
      {
        rule: "the largest record is at least 1 MiB",
        input: { StreamName: "a", ShardCount: 1, MaxRecordSizeInKiB: 1023 },
        expected: [suite.tooSmall("maxRecordSizeInKiB", 1023, 1024)],
      },
      {
        rule: "the largest record is at most 10 MiB",
        input: { StreamName: "a", ShardCount: 1, MaxRecordSizeInKiB: 10_241 },
        expected: [suite.tooLarge("maxRecordSizeInKiB", 10_241, 10_240)],
      },
      {
        rule: "a warm throughput is not negative",
        input: { StreamName: "a", ShardCount: 1, WarmThroughputMiBps: -1 },
        expected: [suite.tooSmall("warmThroughputMiBps", -1, 0)],
      },
      {
        rule: "all violations come in one answer",
        input: { StreamName: "", ShardCount: -1 },
        expected: [
          suite.tooSmall("shardCount", -1, 1),
          offPattern("streamName", "", suite.patterns.name),
          suite.tooShort("streamName", "", 1),
        ],
      },
    ])("$rule", async ({ input, expected }) => {
      await suite.violates("CreateStream", newAccount().call("CreateStream", input), expected);
    });

    test("the mode is one of two", async () => {
      await suite.violatesValues(
        "CreateStream",
        newAccount().call("CreateStream", {
          StreamName: "a",
          StreamModeDetails: { StreamMode: "SERVERLESS" },
        }),
        "streamModeDetails.streamMode",
        "SERVERLESS",
        ["PROVISIONED", "ON_DEMAND"],
      );
    });

    test("comes before the name is looked up", async () => {
      const account = newAccount();
      const { name } = await account.stream();
      await refused(
        "CreateStream",
        "ValidationException",
        account.call("CreateStream", { StreamName: name, ShardCount: 0 }),
      );
    });
  });

  test("serves many streams at once, each with shards of its own", async () => {
    const account = newAccount();
    const streams = await Promise.all(times(4, (index) => account.stream({ ShardCount: index + 1 })));
    for (const [index, { name }] of streams.entries()) {
      const { Shards } = await account.call("ListShards", { StreamName: name });
      expect(Shards).toHaveLength(index + 1);
    }
  });
});
