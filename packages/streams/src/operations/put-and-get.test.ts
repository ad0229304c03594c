import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

test("records put into a stream are read back in order, with their sequence numbers", async () => {
  const { call, createStream, clock } = await serviceUnderTest();
  await createStream("orders", 2);
  const first = await call("PutRecord", {
    StreamName: "orders",
    PartitionKey: "a",
    Data: Buffer.from("one"),
  });
  expect(first.ShardId).toBe("shardId-000000000000");
  expect(first.SequenceNumber).toMatch(/^49\d{54}$/);
  const more = await call("PutRecords", {
    StreamName: "orders",
    Records: ["two", "three"].map((text) => ({ PartitionKey: "a", Data: Buffer.from(text) })),
  });
  expect(more.FailedRecordCount).toBe(0);
  await clock.advance(5);

  const { ShardIterator } = await call("GetShardIterator", {
    StreamName: "orders",
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const got = await call("GetRecords", { ShardIterator: ShardIterator! });
  expect(got.Records.map(({ Data }) => Buffer.from(Data).toString())).toEqual(["one", "two", "three"]);
  expect(got.Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual([
    first.SequenceNumber,
    ...more.Records.map(({ SequenceNumber }) => SequenceNumber),
  ]);
  expect(got.MillisBehindLatest).toBe(0);
  expect(got.ChildShards).toBeUndefined();
  const again = await call("GetRecords", { ShardIterator: got.NextShardIterator! });
  expect(again.Records).toEqual([]);
  expect(again.NextShardIterator).toBeDefined();
});
