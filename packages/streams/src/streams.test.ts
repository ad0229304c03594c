import { describe, expect, test } from "vitest";
import type { Meter } from "./index.ts";
import { serviceUnderTest } from "./service-under-test.ts";

describe("what the service asks and tells", () => {
  test("the authorizer is asked before every call, with the resource", async () => {
    const asked: string[] = [];
    const { call, failureOf } = await serviceUnderTest({
      dependencies: {
        authorizer: {
          authorize(_caller, action, resourceArn) {
            asked.push(`${action} ${resourceArn}`);
            return Promise.resolve(action === "kinesis:DeleteStream" ? "no" : undefined);
          },
        },
      },
    });
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    await call("ListStreams", {});
    expect(
      await failureOf("DeleteStream", { StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s" }),
    ).toEqual({
      code: "AccessDeniedException",
      message: "no",
      status: 400,
    });
    expect(asked).toEqual([
      "kinesis:CreateStream arn:aws:kinesis:us-east-1:123456789012:stream/s",
      "kinesis:ListStreams *",
      "kinesis:DeleteStream arn:aws:kinesis:us-east-1:123456789012:stream/s",
    ]);
  });

  test("the meter is told of calls, records, bytes and throttles", async () => {
    const told: string[] = [];
    const meter: Meter = {
      operation: ({ operation, errorCode }) => told.push(`${operation} ${errorCode ?? "ok"}`),
      incoming: (stream, shard, records, bytes) =>
        told.push(`in ${stream.name} ${shard.shardIndex} ${records} ${bytes}`),
      outgoing: (stream, shard, records, bytes) =>
        told.push(`out ${stream.name} ${shard.shardIndex} ${records} ${bytes}`),
      throttled: (stream, shard, rate, count) =>
        told.push(`${rate} ${stream?.name ?? "-"} ${shard?.shardIndex ?? "-"} ${count}`),
    };
    const { call, createStream, failureOf } = await serviceUnderTest({
      dependencies: { meter },
      limits: { overrides: { shardWriteRecords: 2 } },
    });
    await createStream("s", 1);
    const record = { PartitionKey: "key", Data: Buffer.from("data") };
    await call("PutRecords", { StreamName: "s", Records: [record, record] });
    await failureOf("PutRecord", { StreamName: "s", ...record });
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: "0",
      ShardIteratorType: "TRIM_HORIZON",
    });
    await call("GetRecords", { ShardIterator: ShardIterator! });
    expect(told).toEqual([
      "CreateStream ok",
      "in s 0 2 14",
      "PutRecords ok",
      "shardWriteRecords s 0 1",
      "PutRecord ProvisionedThroughputExceededException",
      "GetShardIterator ok",
      "out s 0 2 14",
      "GetRecords ok",
    ]);
  });

  test("a stream in on-demand mode is not resharded by hand", async () => {
    const { call, clock, failureOf } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s" });
    await clock.advance(60);
    for (const failure of [
      await failureOf("SplitShard", { StreamName: "s", ShardToSplit: "0", NewStartingHashKey: "5" }),
      await failureOf("MergeShards", { StreamName: "s", ShardToMerge: "0", AdjacentShardToMerge: "1" }),
      await failureOf("UpdateShardCount", {
        StreamName: "s",
        TargetShardCount: 8,
        ScalingType: "UNIFORM_SCALING",
      }),
    ]) {
      expect(failure.code).toBe("ValidationException");
    }
  });

  test("after closing, nothing that was scheduled happens", async () => {
    const { call, clock, engine, streams } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    await streams.idle();
    await streams.close();
    await clock.advance(1_000);
    expect([...engine.state.list("shard/")]).toEqual([]);
  });
});
