import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

describe("CreateStream", () => {
  test("a stream is CREATING, without shards, for the transition delay and then ACTIVE", async () => {
    const { call, failureOf, clock } = await serviceUnderTest({ transitionDelayMs: 500 });
    await call("CreateStream", { StreamName: "s", ShardCount: 3 });
    const before = await call("DescribeStream", { StreamName: "s" });
    expect(before.StreamDescription).toMatchObject({
      StreamStatus: "CREATING",
      Shards: [],
      HasMoreShards: false,
    });
    expect(
      await failureOf("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(0) }),
    ).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Stream s under account 123456789012 not found.",
    });
    expect(
      await failureOf("GetShardIterator", {
        StreamName: "s",
        ShardId: "shardId-0",
        ShardIteratorType: "LATEST",
      }),
    ).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Shard shardId-000000000000 in stream s under account 123456789012 does not exist",
    });
    expect(
      await failureOf("SplitShard", { StreamName: "s", ShardToSplit: "shardId-0", NewStartingHashKey: "2" }),
    ).toMatchObject({
      code: "ResourceInUseException",
      message: "Stream s under account 123456789012 not ACTIVE, instead in state CREATING",
    });
    await clock.advance(499);
    expect(
      (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary.StreamStatus,
    ).toBe("CREATING");
    await clock.advance(1);
    const { StreamDescription } = await call("DescribeStream", { StreamName: "s" });
    expect(StreamDescription).toMatchObject({
      StreamName: "s",
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      RetentionPeriodHours: 24,
      EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
      EncryptionType: "NONE",
      HasMoreShards: false,
    });
    expect(StreamDescription.Shards.map(({ ShardId, HashKeyRange }) => [ShardId, HashKeyRange])).toEqual([
      [
        "shardId-000000000000",
        { StartingHashKey: "0", EndingHashKey: "113427455640312821154458202477256070484" },
      ],
      [
        "shardId-000000000001",
        {
          StartingHashKey: "113427455640312821154458202477256070485",
          EndingHashKey: "226854911280625642308916404954512140969",
        },
      ],
      [
        "shardId-000000000002",
        {
          StartingHashKey: "226854911280625642308916404954512140970",
          EndingHashKey: "340282366920938463463374607431768211455",
        },
      ],
    ]);
    expect(StreamDescription.Shards[0]?.SequenceNumberRange.StartingSequenceNumber).toMatch(/^49\d{54}$/);
    expect(StreamDescription.Shards[0]?.SequenceNumberRange.EndingSequenceNumber).toBeUndefined();
  });

  test("a name that is taken is refused, and the same name in another account or region is not", async () => {
    const { call, failureOf, createStream } = await serviceUnderTest();
    await createStream("s", 1);
    expect(await failureOf("CreateStream", { StreamName: "s", ShardCount: 1 })).toEqual({
      code: "ResourceInUseException",
      message: "Stream s under account 123456789012 already exists.",
      status: 400,
    });
    await call("CreateStream", { StreamName: "s", ShardCount: 1 }, { accountId: "999999999999" });
    await call("CreateStream", { StreamName: "s", ShardCount: 1 }, { region: "eu-west-1" });
    expect((await call("ListStreams", {}, { region: "eu-west-1" })).StreamSummaries?.[0]?.StreamARN).toBe(
      "arn:aws:kinesis:eu-west-1:123456789012:stream/s",
    );
  });

  test("of two streams made at once under one name one wins", async () => {
    const { call } = await serviceUnderTest();
    const outcomes = await Promise.allSettled(
      [1, 2].map((shardCount) => call("CreateStream", { StreamName: "s", ShardCount: shardCount })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  test("without a shard count a stream is on demand and starts with 4 shards", async () => {
    const { call, clock } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s" });
    await clock.advance(60);
    const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName: "s" });
    expect(StreamDescriptionSummary).toMatchObject({
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      OpenShardCount: 4,
      ConsumerCount: 0,
      MaxRecordSizeInKiB: 1024,
      RecordDistributionStrategy: "USER_PARTITION_KEY",
    });
  });

  test("members that belong to the other mode are refused", async () => {
    const { failureOf } = await serviceUnderTest();
    const onDemand = { StreamMode: "ON_DEMAND" } as const;
    const provisioned = { StreamMode: "PROVISIONED" } as const;
    for (const input of [
      { StreamName: "s", ShardCount: 1, StreamModeDetails: onDemand },
      { StreamName: "s", StreamModeDetails: provisioned },
      { StreamName: "s", ShardCount: 1, WarmThroughputMiBps: 5 },
      { StreamName: "s", ShardCount: 1, RecordDistributionStrategy: "AUTO" as const },
    ]) {
      expect((await failureOf("CreateStream", input)).code).toBe("InvalidArgumentException");
    }
  });

  test("shards beyond the account's limit are refused", async () => {
    const { failureOf, createStream } = await serviceUnderTest({
      limits: { overrides: { shardsPerAccountInLargeRegions: 10 } },
    });
    await createStream("s", 3);
    expect(await failureOf("CreateStream", { StreamName: "t", ShardCount: 1000 })).toEqual({
      code: "LimitExceededException",
      message:
        "This request would exceed the shard limit for the account 123456789012 in us-east-1. " +
        "Current shard count for the account: 3. Limit: 10. " +
        "Number of additional shards that would have resulted from this request: 1000. " +
        "Refer to the AWS Service Limits page " +
        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
        "for current limits and how to request higher limits.",
      status: 400,
    });
  });

  test("a sixth stream in CREATING is refused until one is ACTIVE", async () => {
    const { call, clock, failureOf } = await serviceUnderTest({ transitionDelayMs: 5_000 });
    for (let id = 0; id < 5; id += 1) await call("CreateStream", { StreamName: `s${id}`, ShardCount: 1 });
    expect(await failureOf("CreateStream", { StreamName: "t", ShardCount: 1 })).toMatchObject({
      code: "LimitExceededException",
      message: "Rate exceeded for stream t under account 123456789012.",
    });
    await clock.advance(1_000);
    expect(await failureOf("CreateStream", { StreamName: "t", ShardCount: 1 })).toMatchObject({
      code: "LimitExceededException",
      message:
        "This request would have exceed the limit on the number  of streams that can simultaneously be in CREATING or DELETING for the account 123456789012. Limit: 5.",
    });
    await clock.advance(4_000);
    await call("CreateStream", { StreamName: "t", ShardCount: 1 });
  });

  test("the limit of streams in CREATING holds for calls at once", async () => {
    const { call } = await serviceUnderTest({ limits: { mode: "off", overrides: { creatingStreams: 5 } } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, id) => call("CreateStream", { StreamName: `s${id}`, ShardCount: 1 })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
  });
});

describe("ListStreams", () => {
  test("names come in order, page by page, with a token or a name to go on from", async () => {
    const { call, clock, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    for (let id = 0; id < 150; id += 1) {
      await call("CreateStream", { StreamName: `s${String(id).padStart(3, "0")}`, ShardCount: 1 });
    }
    const first = await call("ListStreams", {});
    expect(first.StreamNames).toHaveLength(100);
    expect(first.HasMoreStreams).toBe(true);
    expect(first.StreamSummaries?.[0]).toMatchObject({ StreamName: "s000", StreamStatus: "CREATING" });
    const second = await call("ListStreams", { NextToken: first.NextToken! });
    expect(second.StreamNames[0]).toBe("s100");
    expect(second).toMatchObject({ HasMoreStreams: false });
    expect(second.NextToken).toBeUndefined();
    const limited = await call("ListStreams", { ExclusiveStartStreamName: "s010", Limit: 2 });
    expect(limited.StreamNames).toEqual(["s011", "s012"]);
    expect((await failureOf("ListStreams", { NextToken: "forged" })).code).toBe("InvalidArgumentException");
    await clock.advance(300_001);
    expect((await failureOf("ListStreams", { NextToken: first.NextToken! })).code).toBe(
      "ExpiredNextTokenException",
    );
  });
});

describe("DeleteStream", () => {
  test("a stream is DELETING, serves no data, and then is gone with its logs", async () => {
    const { call, clock, createStream, engine, failureOf } = await serviceUnderTest();
    await createStream("s", 2);
    await call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.from("x") });
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: "shardId-0",
      ShardIteratorType: "TRIM_HORIZON",
    });
    await call("DeleteStream", { StreamName: "s" });
    expect((await call("DescribeStream", { StreamName: "s" })).StreamDescription.StreamStatus).toBe(
      "DELETING",
    );
    expect((await failureOf("GetRecords", { ShardIterator: ShardIterator! })).code).toBe(
      "ResourceNotFoundException",
    );
    await call("DeleteStream", { StreamName: "s" });
    await clock.advance(60);
    expect(await failureOf("DescribeStream", { StreamName: "s" })).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Stream s under account 123456789012 not found.",
    });
    expect(engine.statistics().logCount).toBe(0);
    expect([...engine.state.list("shard/")]).toEqual([]);

    await createStream("s", 2);
    expect(await failureOf("GetRecords", { ShardIterator: ShardIterator! })).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Shard shardId-000000000000 in stream s under account 123456789012 does not exist",
    });
  });

  test("a stream can be deleted while it is being created", async () => {
    const { call, clock, failureOf } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    await clock.advance(20);
    await call("DeleteStream", { StreamName: "s" });
    await clock.advance(40);
    expect((await call("DescribeStream", { StreamName: "s" })).StreamDescription).toMatchObject({
      StreamStatus: "DELETING",
      Shards: [],
    });
    await clock.advance(20);
    expect((await failureOf("DescribeStream", { StreamName: "s" })).code).toBe("ResourceNotFoundException");
  });

  test("an unknown stream is not found", async () => {
    const { failureOf } = await serviceUnderTest();
    expect(await failureOf("DeleteStream", { StreamName: "nobody" })).toEqual({
      code: "ResourceNotFoundException",
      message: "Stream nobody under account 123456789012 not found.",
      status: 400,
    });
  });
});

describe("naming a stream", () => {
  test("by name, by ARN, or by both when they agree", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    const StreamARN = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
    expect((await call("DescribeStreamSummary", { StreamARN })).StreamDescriptionSummary.StreamName).toBe(
      "s",
    );
    expect(
      (await call("DescribeStreamSummary", { StreamARN, StreamName: "s" })).StreamDescriptionSummary
        .StreamName,
    ).toBe("s");
    expect((await failureOf("DescribeStreamSummary", { StreamARN, StreamName: "t" })).code).toBe(
      "InvalidArgumentException",
    );
    expect((await failureOf("DescribeStreamSummary", {})).code).toBe("InvalidArgumentException");
    expect((await failureOf("DescribeStreamSummary", { StreamARN: `${StreamARN}/x` })).code).toBe(
      "InvalidArgumentException",
    );
  });
});
