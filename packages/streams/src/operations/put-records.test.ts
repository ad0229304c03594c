import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const KIB = 1_024;
const RING_MAX = (1n << 128n) - 1n;
const THIRD = (1n << 128n) / 3n;

describe("placement", () => {
  test("a record goes to the shard that owns the MD5 of its key, or its explicit hash key", async () => {
    const { call, createStream } = await serviceUnderTest();
    await createStream("s", 3);
    // As recorded from the service: a, b, e and f on three shards.
    const Records = [
      ...["a", "b", "e", "f"].map((PartitionKey) => ({ PartitionKey, Data: Buffer.alloc(0) })),
      ...[RING_MAX, THIRD * 2n - 1n, THIRD * 2n].map((hashKey) => ({
        PartitionKey: "a",
        Data: Buffer.alloc(0),
        ExplicitHashKey: String(hashKey),
      })),
    ];
    const answer = await call("PutRecords", { StreamName: "s", Records });
    expect(answer.FailedRecordCount).toBe(0);
    expect(answer.EncryptionType).toBeUndefined();
    expect(answer.Records.map(({ ShardId }) => Number(ShardId!.slice(-1)))).toEqual([0, 1, 2, 1, 2, 1, 2]);
    const ofShard1 = [1, 3, 5].map((index) => answer.Records[index]!.SequenceNumber!);
    expect(ofShard1[0]! < ofShard1[1]! && ofShard1[1]! < ofShard1[2]!).toBe(true);
  });

  test("an explicit hash key beyond the ring fails the request", async () => {
    const { createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    const record = { PartitionKey: "a", Data: Buffer.alloc(0), ExplicitHashKey: String(RING_MAX + 1n) };
    const expected = {
      code: "InvalidArgumentException",
      message: `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${RING_MAX + 1n}`,
      status: 400,
    };
    expect(await failureOf("PutRecord", { StreamName: "s", ...record })).toEqual(expected);
    expect(await failureOf("PutRecords", { StreamName: "s", Records: [record] })).toEqual(expected);
  });

  test("keys outside ASCII are placed by their UTF-8 bytes and come back as they were", async () => {
    const { call, createStream } = await serviceUnderTest();
    await createStream("s", 1);
    await call("PutRecord", { StreamName: "s", PartitionKey: "ключ 💣", Data: Buffer.from([0, 255]) });
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: "0",
      ShardIteratorType: "TRIM_HORIZON",
    });
    const { Records } = await call("GetRecords", { ShardIterator: ShardIterator! });
    expect(Records[0]?.PartitionKey).toBe("ключ 💣");
    expect(Buffer.from(Records[0]!.Data)).toEqual(Buffer.from([0, 255]));
  });

  test("with distribution AUTO keys are optional and spread by the service", async () => {
    const { call, clock } = await serviceUnderTest();
    await call("CreateStream", {
      StreamName: "s",
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      RecordDistributionStrategy: "AUTO",
    });
    await clock.advance(60);
    const Records = Array.from({ length: 100 }, () => ({ Data: Buffer.from("x"), PartitionKey: "same" }));
    const answer = await call("PutRecords", {
      StreamName: "s",
      Records: [{ Data: Buffer.from("no key") }, ...Records],
    });
    expect(new Set(answer.Records.map(({ ShardId }) => ShardId)).size).toBe(4);
    const { ShardId } = answer.Records[0]!;
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: ShardId!,
      ShardIteratorType: "TRIM_HORIZON",
    });
    const got = await call("GetRecords", { ShardIterator: ShardIterator!, Limit: 1 });
    expect(got.Records[0]).not.toHaveProperty("PartitionKey");
  });

  test("without AUTO a record needs a key", async () => {
    const { createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    expect((await failureOf("PutRecord", { StreamName: "s", Data: Buffer.alloc(1) })).code).toBe(
      "InvalidArgumentException",
    );
  });
});

describe("sizes", () => {
  test("a record may have as many bytes, key included, as the stream allows", async () => {
    const { call, clock, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    await call("CreateStream", { StreamName: "s", ShardCount: 1, MaxRecordSizeInKiB: 10_240 });
    await call("CreateStream", { StreamName: "t", ShardCount: 1 });
    await clock.advance(60);
    await call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.alloc(10_240 * KIB - 1) });
    await call("PutRecord", { StreamName: "t", PartitionKey: "k", Data: Buffer.alloc(KIB * KIB - 1) });
    for (const [StreamName, sizeBytes] of [
      ["s", 10_240 * KIB],
      ["t", KIB * KIB],
    ] as const) {
      const Data = Buffer.alloc(sizeBytes);
      expect((await failureOf("PutRecord", { StreamName, PartitionKey: "k", Data })).code).toBe(
        "InvalidArgumentException",
      );
    }
  });

  test("a request of more than 10 MiB, keys included, is refused whole", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    await createStream("s", 1);
    const whole = Array.from({ length: 10 }, () => ({
      PartitionKey: "k",
      Data: Buffer.alloc(KIB * KIB - 1),
    }));
    expect((await call("PutRecords", { StreamName: "s", Records: whole })).FailedRecordCount).toBe(0);
    const Records = [...whole, { PartitionKey: "k", Data: Buffer.alloc(0) }];
    expect(await failureOf("PutRecords", { StreamName: "s", Records })).toMatchObject({
      code: "InvalidArgumentException",
      message: "Records size exceeds 10 MB limit",
    });
  });
});

describe("SequenceNumberForOrdering", () => {
  test("a number of this stream is taken, another is not", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    const put = { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(0) };
    const { SequenceNumber: first } = await call("PutRecord", put);
    const { SequenceNumber: second } = await call("PutRecord", { ...put, SequenceNumberForOrdering: first });
    expect(second > first).toBe(true);
    expect(await failureOf("PutRecord", { ...put, SequenceNumberForOrdering: "5" })).toMatchObject({
      code: "InvalidArgumentException",
      message:
        "ExclusiveMinimumSequenceNumber 5 used in PutRecord on stream s under account 123456789012 is invalid.",
    });
  });
});

describe("rates of a shard", () => {
  test("more than 1,000 records in a second are refused one by one, exactly", async () => {
    const { call, clock, createStream } = await serviceUnderTest();
    await createStream("s", 2);
    let stored = 0;
    for (let tenth = 0; tenth < 100; tenth += 1) {
      const answer = await call("PutRecords", {
        StreamName: "s",
        Records: Array.from({ length: 300 }, () => ({ PartitionKey: "a", Data: Buffer.from("x") })),
      });
      stored += 300 - answer.FailedRecordCount!;
      const refused = answer.Records.find(({ ErrorCode }) => ErrorCode !== undefined);
      if (refused !== undefined) {
        expect(refused).toEqual({
          ErrorCode: "ProvisionedThroughputExceededException",
          ErrorMessage:
            "Rate exceeded for shard shardId-000000000000 in stream s under account 123456789012.",
        });
      }
      await clock.advance(100);
    }
    expect(stored).toBe(10_000);
  });

  test("more than 1 MiB in a second is refused, and the other shard is not", async () => {
    const { call, clock, createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 2);
    const put = (PartitionKey: string) => ({
      StreamName: "s",
      PartitionKey,
      Data: Buffer.alloc(512 * KIB - 1),
    });
    await call("PutRecord", put("a"));
    await call("PutRecord", put("a"));
    expect(await failureOf("PutRecord", put("a"))).toEqual({
      code: "ProvisionedThroughputExceededException",
      message: "Rate exceeded for shard shardId-000000000000 in stream s under account 123456789012.",
      status: 400,
    });
    await call("PutRecord", put("b"));
    await clock.advance(1_000);
    await call("PutRecord", put("a"));
  });

  test("a record larger than a second's bytes is taken, and paid for by the seconds after it", async () => {
    const { call, clock, failureOf } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s", ShardCount: 1, MaxRecordSizeInKiB: 10_240 });
    await clock.advance(60);
    await call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(10 * KIB * KIB - 1) });
    const small = { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(1) };
    await clock.advance(9_000);
    expect((await failureOf("PutRecord", small)).code).toBe("ProvisionedThroughputExceededException");
    await clock.advance(1_000);
    await call("PutRecord", small);
  });

  test("limits that are off refuse nothing", async () => {
    const { call, createStream } = await serviceUnderTest({ limits: { mode: "off" } });
    await createStream("s", 1);
    for (let turn = 0; turn < 5; turn += 1) {
      const Records = Array.from({ length: 500 }, () => ({ PartitionKey: "a", Data: Buffer.alloc(2 * KIB) }));
      expect((await call("PutRecords", { StreamName: "s", Records })).FailedRecordCount).toBe(0);
    }
  });

  test("a limit can be overridden, and an override that makes no sense is refused", async () => {
    const { call, createStream } = await serviceUnderTest({
      limits: { overrides: { shardWriteRecords: 10 } },
    });
    await createStream("s", 1);
    const Records = Array.from({ length: 12 }, () => ({ PartitionKey: "a", Data: Buffer.alloc(1) }));
    expect((await call("PutRecords", { StreamName: "s", Records })).FailedRecordCount).toBe(2);
    await expect(serviceUnderTest({ limits: { overrides: { iteratorLifeMs: 1 } } })).rejects.toThrow(
      RangeError,
    );
    await expect(serviceUnderTest({ limits: { overrides: { shardReadCalls: 0 } } })).rejects.toThrow(
      RangeError,
    );
  });
});

test("puts that the engine cannot take fail one by one, or as a whole", async () => {
  const { call, createStream, engine, failureOf } = await serviceUnderTest();
  await createStream("s", 1);
  await engine.close();
  const record = { PartitionKey: "a", Data: Buffer.alloc(1) };
  expect(await failureOf("PutRecord", { StreamName: "s", ...record })).toMatchObject({
    code: "InternalFailureException",
    status: 500,
  });
  const answer = await call("PutRecords", { StreamName: "s", Records: [record] });
  expect(answer).toEqual({
    FailedRecordCount: 1,
    Records: [{ ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" }],
  });
  expect((await failureOf("DeleteStream", { StreamName: "s" })).code).toBe("InternalFailureException");
});

test("a dry run checks and stores nothing", async () => {
  const { call, createStream, failureOf } = await serviceUnderTest();
  await createStream("s", 1);
  const record = { PartitionKey: "a", Data: Buffer.alloc(1) };
  expect((await failureOf("PutRecord", { StreamName: "s", ...record, DryRun: true })).code).toBe(
    "DryRunOperationException",
  );
  expect((await failureOf("PutRecords", { StreamName: "s", Records: [record], DryRun: true })).code).toBe(
    "DryRunOperationException",
  );
  expect((await failureOf("PutRecord", { StreamName: "t", ...record, DryRun: true })).code).toBe(
    "ResourceNotFoundException",
  );
  const { ShardIterator } = await call("GetShardIterator", {
    StreamName: "s",
    ShardId: "0",
    ShardIteratorType: "TRIM_HORIZON",
  });
  expect((await failureOf("GetRecords", { ShardIterator: ShardIterator!, DryRun: true })).code).toBe(
    "DryRunOperationException",
  );
  expect((await call("GetRecords", { ShardIterator: ShardIterator! })).Records).toEqual([]);
});
