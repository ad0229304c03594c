import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";

test("a stream takes records of the new size at once, and those that it has stay readable", async () => {
  const { call, clock, createStream, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
  await createStream("s", 1);
  const large = { StreamName: "s", PartitionKey: "k", Data: Buffer.alloc(2_048 * 1_024 - 1) };
  expect((await failureOf("PutRecord", large)).code).toBe("InvalidArgumentException");
  await call("UpdateMaxRecordSize", { StreamARN: STREAM, MaxRecordSizeInKiB: 2_048 });
  const statusOf = async () =>
    (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary;
  expect(await statusOf()).toMatchObject({ StreamStatus: "UPDATING", MaxRecordSizeInKiB: 2_048 });
  await call("PutRecord", large);
  expect(
    (await failureOf("UpdateMaxRecordSize", { StreamARN: STREAM, MaxRecordSizeInKiB: 1_024 })).code,
  ).toBe("ResourceInUseException");
  await clock.advance(50);
  expect(await statusOf()).toMatchObject({ StreamStatus: "ACTIVE" });
  await call("UpdateMaxRecordSize", { StreamARN: STREAM, MaxRecordSizeInKiB: 1_024 });
  expect((await failureOf("PutRecord", large)).code).toBe("InvalidArgumentException");
  const { ShardIterator } = await call("GetShardIterator", {
    StreamName: "s",
    ShardId: "0",
    ShardIteratorType: "TRIM_HORIZON",
  });
  expect((await call("GetRecords", { ShardIterator: ShardIterator! })).Records[0]?.Data).toHaveLength(
    large.Data.length,
  );
});

test("the stream must be named by its ARN and be there", async () => {
  const { failureOf } = await serviceUnderTest();
  expect((await failureOf("UpdateMaxRecordSize", { MaxRecordSizeInKiB: 1_024 })).code).toBe(
    "InvalidArgumentException",
  );
  expect(
    (await failureOf("UpdateMaxRecordSize", { StreamARN: STREAM, MaxRecordSizeInKiB: 1_024 })).code,
  ).toBe("ResourceNotFoundException");
});
