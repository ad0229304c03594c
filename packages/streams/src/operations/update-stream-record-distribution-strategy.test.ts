import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const AUTO = { StreamARN: STREAM, RecordDistributionStrategy: "AUTO" } as const;
const BY_KEY = { StreamARN: STREAM, RecordDistributionStrategy: "USER_PARTITION_KEY" } as const;
const Data = Buffer.from("x");

async function withOnDemandStream(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest();
  await service.call("CreateStream", { StreamName: "s" });
  await service.clock.advance(60);
  return service;
}

describe("record distribution", () => {
  test("is in force at once, and the stream stays ACTIVE", async () => {
    const { call, failureOf } = await withOnDemandStream();
    const put = { StreamName: "s", Data };
    expect(await failureOf("PutRecord", put)).toMatchObject({
      code: "InvalidArgumentException",
      message: expect.stringMatching(/^PartitionKey must be provided/) as string,
    });
    await call("UpdateStreamRecordDistributionStrategy", AUTO);
    const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName: "s" });
    expect(StreamDescriptionSummary).toMatchObject({
      StreamStatus: "ACTIVE",
      RecordDistributionStrategy: "AUTO",
    });
    await call("PutRecord", put);
    await call("UpdateStreamRecordDistributionStrategy", BY_KEY);
    expect((await failureOf("PutRecord", put)).code).toBe("InvalidArgumentException");
    await call("PutRecord", { ...put, PartitionKey: "a" });
  });

  test("AUTO spreads records evenly over the open shards, however uneven these are, whatever their keys", async () => {
    const { call, clock, failureOf } = await serviceUnderTest();
    // One shard owns half of the ring, the others an eighth and less.
    await call("CreateStream", { StreamName: "s", ShardCount: 2 });
    await clock.advance(1_000);
    for (const at of [2n ** 126n, 2n ** 125n]) {
      const { Shards } = await call("ListShards", { StreamName: "s" });
      const { ShardId } = Shards!.find(
        ({ HashKeyRange, SequenceNumberRange }) =>
          SequenceNumberRange.EndingSequenceNumber === undefined && HashKeyRange.StartingHashKey === "0",
      )!;
      await call("SplitShard", { StreamName: "s", ShardToSplit: ShardId, NewStartingHashKey: String(at) });
      await clock.advance(1_000);
    }
    await call("UpdateStreamMode", { StreamARN: STREAM, StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    await clock.advance(1_000);
    await call("UpdateStreamRecordDistributionStrategy", AUTO);
    const record = { Data, PartitionKey: "same", ExplicitHashKey: "0" };
    const { Records } = await call("PutRecords", {
      StreamName: "s",
      Records: Array(400).fill(record) as (typeof record)[],
    });
    const counts = new Map<string, number>();
    for (const { ShardId } of Records) counts.set(ShardId!, (counts.get(ShardId!) ?? 0) + 1);
    expect([...counts.values()]).toEqual([100, 100, 100, 100]);
    expect(
      await failureOf("PutRecord", {
        StreamName: "s",
        ...record,
        SequenceNumberForOrdering: Records[0]!.SequenceNumber!,
      }),
    ).toMatchObject({
      code: "InvalidArgumentException",
      message: expect.stringMatching(/^SequenceNumberForOrdering cannot be provided/) as string,
    });
  });

  test("AUTO is for on-demand streams only, which must be there and ACTIVE", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest();
    const codeOf = async (input: typeof AUTO | typeof BY_KEY) =>
      (await failureOf("UpdateStreamRecordDistributionStrategy", input)).code;
    expect(await codeOf(AUTO)).toBe("ResourceNotFoundException");
    await createStream("s", 1);
    expect(await codeOf(AUTO)).toBe("InvalidArgumentException");
    await call("UpdateStreamRecordDistributionStrategy", BY_KEY);
    await call("DeleteStream", { StreamName: "s" });
    expect(await codeOf(BY_KEY)).toBe("ResourceInUseException");
  });
});
