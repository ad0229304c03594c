import { expect, test } from "vitest";

import { kinesis } from "./index.ts";
import { PutRecordsRequestEntry } from "./kinesis/put-records.ts";
import { MetricsName, ShardFilterType, ShardIteratorType } from "./kinesis/shapes.ts";
import type { StructureShape } from "./shape.ts";
import { memberOrder, valueSetOrder } from "./violation-order.ts";

const {
  AddTagsToStream,
  CreateStream,
  DecreaseStreamRetentionPeriod,
  DescribeStream,
  GetRecords,
  GetShardIterator,
  IncreaseStreamRetentionPeriod,
  ListShards,
  ListStreams,
  ListTagsForStream,
  MergeShards,
  PutRecord,
  PutRecords,
  RemoveTagsFromStream,
  SplitShard,
} = kinesis.operations;

test.each<readonly [name: string, shape: StructureShape, recorded: readonly string[]]>([
  ["AddTagsToStream", AddTagsToStream.input, ["Tags", "StreamName"]],
  ["CreateStream", CreateStream.input, ["ShardCount", "StreamName"]],
  [
    "DecreaseStreamRetentionPeriod",
    DecreaseStreamRetentionPeriod.input,
    ["RetentionPeriodHours", "StreamName"],
  ],
  ["DescribeStream", DescribeStream.input, ["Limit", "ExclusiveStartShardId", "StreamName"]],
  ["GetRecords", GetRecords.input, ["Limit", "ShardIterator"]],
  [
    "GetShardIterator",
    GetShardIterator.input,
    ["ShardId", "ShardIteratorType", "StartingSequenceNumber", "StreamName"],
  ],
  [
    "IncreaseStreamRetentionPeriod",
    IncreaseStreamRetentionPeriod.input,
    ["RetentionPeriodHours", "StreamName"],
  ],
  ["ListShards", ListShards.input, ["MaxResults", "ExclusiveStartShardId", "StreamName", "NextToken"]],
  ["ListStreams", ListStreams.input, ["Limit", "ExclusiveStartStreamName"]],
  ["ListTagsForStream", ListTagsForStream.input, ["Limit", "ExclusiveStartTagKey", "StreamName"]],
  ["MergeShards", MergeShards.input, ["ShardToMerge", "AdjacentShardToMerge", "StreamName"]],
  [
    "PutRecord",
    PutRecord.input,
    ["SequenceNumberForOrdering", "PartitionKey", "ExplicitHashKey", "Data", "StreamName"],
  ],
  ["PutRecords", PutRecords.input, ["Records", "StreamName"]],
  ["an entry of PutRecords", PutRecordsRequestEntry, ["PartitionKey", "ExplicitHashKey", "Data"]],
  ["RemoveTagsFromStream", RemoveTagsFromStream.input, ["TagKeys", "StreamName"]],
  ["SplitShard", SplitShard.input, ["NewStartingHashKey", "StreamName", "ShardToSplit"]],
])("members of %s are reported in the recorded order", (_, shape, recorded) => {
  expect(memberOrder(shape).filter((key) => recorded.includes(key))).toEqual(recorded);
});

test("every member of every input is reported once", () => {
  for (const { input } of Object.values(kinesis.operations)) {
    expect(memberOrder(input).toSorted()).toEqual(Object.keys(input.members).toSorted());
  }
});

// The first is recorded from Kinesis; the next three from API Gateway, Step Functions and KMS, whose tables
// have values that share a bucket.
test.each<{ values: readonly string[]; told: string }>([
  {
    values: ShardIteratorType.values ?? [],
    told: "AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON",
  },
  {
    values: ["HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY"],
    told: "HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS",
  },
  {
    values: ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"],
    told: "SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING",
  },
  {
    values: [
      "RSA_2048",
      "RSA_3072",
      "RSA_4096",
      "ECC_NIST_P256",
      "ECC_NIST_P384",
      "ECC_NIST_P521",
      "ECC_SECG_P256K1",
      "SYMMETRIC_DEFAULT",
      "HMAC_224",
      "HMAC_256",
      "HMAC_384",
      "HMAC_512",
    ],
    told:
      "RSA_2048, ECC_NIST_P384, ECC_NIST_P256, ECC_NIST_P521, HMAC_384, RSA_3072, " +
      "ECC_SECG_P256K1, RSA_4096, SYMMETRIC_DEFAULT, HMAC_256, HMAC_224, HMAC_512",
  },
])("an enumeration is listed as $told", ({ values, told }) => {
  expect(valueSetOrder(values).join(", ")).toBe(told);
});

test("an enumeration is listed whole, whatever its order in the contract", () => {
  for (const values of [MetricsName.values, ShardFilterType.values]) {
    expect(new Set(valueSetOrder(values ?? []))).toEqual(new Set(values));
  }
});
