import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const DRY_RUN = {
  code: "DryRunOperationException",
  message: "The request was rejected because the DryRun parameter was specified.",
  status: 400,
};
const DryRun = true;

describe("a dry run", () => {
  test("that would succeed says so with an error, stores nothing, and costs nothing of the shard's rates", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest({
      limits: { overrides: { shardWriteRecords: 1, shardReadCalls: 1, shardIteratorCalls: 1 } },
    });
    await createStream("s", 1);
    const record = { PartitionKey: "a", Data: Buffer.from("x") };
    const iterator = { StreamName: "s", ShardId: "0", ShardIteratorType: "TRIM_HORIZON" } as const;
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await failureOf("PutRecord", { StreamName: "s", ...record, DryRun })).toEqual(DRY_RUN);
      expect(await failureOf("PutRecords", { StreamName: "s", Records: [record], DryRun })).toEqual(DRY_RUN);
      expect(await failureOf("GetShardIterator", { ...iterator, DryRun })).toEqual(DRY_RUN);
    }
    const { ShardIterator } = await call("GetShardIterator", iterator);
    expect(await failureOf("GetRecords", { ShardIterator: ShardIterator!, DryRun })).toEqual(DRY_RUN);
    expect((await call("GetRecords", { ShardIterator: ShardIterator! })).Records).toEqual([]);
    await call("PutRecord", { StreamName: "s", ...record });
  });

  test("that would fail fails as the call itself would", async () => {
    const { call, clock, createStream, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    await createStream("s", 1);
    const record = { PartitionKey: "a", Data: Buffer.alloc(0) };
    const iterator = { StreamName: "s", ShardId: "0", ShardIteratorType: "LATEST" } as const;
    const { ShardIterator } = await call("GetShardIterator", iterator);
    await clock.advance(300_001);
    const requests = [
      ["PutRecord", { ...record, StreamName: "t" }],
      ["PutRecord", { ...record, StreamName: "s", ExplicitHashKey: String(1n << 128n) }],
      ["PutRecord", { ...record, StreamName: "s", SequenceNumberForOrdering: "5" }],
      ["PutRecords", { StreamName: "s", Records: [{ ...record, Data: Buffer.alloc(1_048_577) }] }],
      ["GetShardIterator", { ...iterator, ShardId: "1" }],
      ["GetShardIterator", { ...iterator, StartingSequenceNumber: "5" }],
      ["GetRecords", { ShardIterator: "none" }],
      ["GetRecords", { ShardIterator: ShardIterator! }],
    ] as const;
    for (const [operation, input] of requests) {
      const failure = await failureOf(operation, { ...input, DryRun });
      expect(failure).toEqual(await failureOf(operation, input));
      expect(failure.code).not.toBe(DRY_RUN.code);
    }
  });
});
