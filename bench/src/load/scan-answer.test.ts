import { GetRecords, PutRecords } from "@millrace/api";
import { encodeCbor, encodeJson } from "@millrace/wire";
import { describe, expect, test } from "vitest";
import {
  failedRecordCountOf,
  failedRecordCountWith,
  firstErrorCodeOf,
  lastSequenceNumberOf,
  millisBehindOf,
  readAnswerOf,
} from "./scan-answer.ts";

const formats = {
  json: (value: object, shape: Parameters<typeof encodeJson>[1]) =>
    Buffer.concat(encodeJson(value as never, shape)),
  cbor: (value: object, shape: Parameters<typeof encodeCbor>[1]) =>
    Buffer.concat(encodeCbor(value as never, shape)),
};

const SEQUENCE_NUMBER = `49${"1".repeat(54)}`;
const stored = { SequenceNumber: SEQUENCE_NUMBER, ShardId: "shardId-000000000000" };
const throttled = { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "Rate exceeded" };

describe.each(["json", "cbor"] as const)("in %s", (protocol) => {
  const encode = formats[protocol];

  test.each([0, 1, 23, 24, 255, 300])("a PutRecords answer tells that %i records failed", (failedCount) => {
    const Records = Array.from({ length: 500 }, (_, index) => (index < failedCount ? throttled : stored));
    const body = encode({ FailedRecordCount: failedCount, Records }, PutRecords.output);
    expect(failedRecordCountOf(body, protocol)).toBe(failedCount);
    if (failedCount > 0)
      expect(firstErrorCodeOf(body, protocol)).toBe("ProvisionedThroughputExceededException");
  });

  test("failed records are told apart by their codes", () => {
    const failed = { ErrorCode: "InternalFailure", ErrorMessage: "it failed" };
    const body = encode({ Records: [stored, throttled, failed, throttled] }, PutRecords.output);
    expect(failedRecordCountWith("ProvisionedThroughputExceededException", body)).toBe(2);
    expect(failedRecordCountOf(body, protocol)).toBe(3);
  });

  test("failed records are counted where their number is left out", () => {
    const body = encode({ Records: [stored, throttled, stored, throttled] }, PutRecords.output);
    expect(failedRecordCountOf(body, protocol)).toBe(2);
  });

  test.each([
    { records: 0, behindMs: 5_000, isCaughtUp: true },
    { records: 1, behindMs: 0, isCaughtUp: true },
    { records: 100, behindMs: 5_000, isCaughtUp: false },
    { records: 10_000, behindMs: 70_000, isCaughtUp: false },
  ])("a GetRecords answer of $records records tells where to go on", ({ records, behindMs, isCaughtUp }) => {
    const body = encode(
      {
        Records: Array.from({ length: records }, (_, index) => ({
          SequenceNumber: SEQUENCE_NUMBER,
          ApproximateArrivalTimestamp: 1_700_000_000_000 + index,
          Data: Buffer.alloc(100 + (index % 50), index),
          PartitionKey: "k".repeat(1 + (index % 256)),
        })),
        NextShardIterator: "A".repeat(248),
        MillisBehindLatest: behindMs,
      },
      GetRecords.output,
    );
    expect(readAnswerOf(body, protocol, 100)).toEqual({
      recordCount: records,
      nextShardIterator: "A".repeat(248),
      isCaughtUp,
    });
  });

  test("the end of a shard has no iterator", () => {
    const body = encode({ Records: [], MillisBehindLatest: 0 }, GetRecords.output);
    expect(readAnswerOf(body, protocol, 100).nextShardIterator).toBeUndefined();
  });
});

test("spaces in JSON, and members in another order, change nothing", () => {
  const records = Array.from({ length: 60 }, () => ({ Data: "A".repeat(136), SequenceNumber: "49" }));
  const body = Buffer.from(
    JSON.stringify({ MillisBehindLatest: 7, Records: records, NextShardIterator: "next" }, null, 2),
  );
  expect(readAnswerOf(body, "json", 100)).toEqual({
    recordCount: 60,
    nextShardIterator: "next",
    isCaughtUp: false,
  });
  expect(failedRecordCountOf(Buffer.from('{ "Records" : [], "FailedRecordCount" : 12 }'), "json")).toBe(12);
});

test("a GetRecords answer tells the number of its last record, and how far behind it is", () => {
  const record = (SequenceNumber: string) => ({ SequenceNumber, Data: "QUJD", PartitionKey: "k" });
  const body = (records: readonly object[], millisBehind: number) =>
    Buffer.from(
      JSON.stringify({ Records: records, NextShardIterator: "next", MillisBehindLatest: millisBehind }),
    );
  expect(lastSequenceNumberOf(body([record("491"), record("492")], 0))).toBe("492");
  expect(lastSequenceNumberOf(body([], 0))).toBeUndefined();
  expect(millisBehindOf(body([record("491")], 1_234))).toBe(1_234);
  expect(millisBehindOf(Buffer.from("{}"))).toBe(0);
});
