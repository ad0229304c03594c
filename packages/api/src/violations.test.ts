import { describe, expect, test } from "vitest";

import {
  AddTagsToStream,
  CreateStream,
  EnableEnhancedMonitoring,
  GetResourcePolicy,
  GetShardIterator,
  ListShards,
  MergeShards,
  PutRecord,
  PutRecords,
  RemoveTagsFromStream,
  SplitShard,
  SubscribeToShard,
  integer,
  list,
  map,
  optional,
  required,
  string,
  structure,
  validationMessage,
  violations,
} from "./index.ts";

const NAME_PATTERN = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
const NOT_EMPTY = "Member must have length greater than or equal to 1";

/** "Value … at 'path' failed to satisfy constraint: sentence", one for each row. */
function told(...rows: (readonly [path: string, value: string | null, sentence: string])[]) {
  return rows.map(
    ([path, value, sentence]) =>
      `Value ${value === null ? "null" : `'${value}'`} at '${path}' failed to satisfy constraint: ${sentence}`,
  );
}

describe("answers recorded from AWS", () => {
  test("PutRecord names its members in the order of the service, not of the request", () => {
    const input = {
      StreamName: "",
      PartitionKey: "",
      Data: new Uint8Array(),
      ExplicitHashKey: "",
      SequenceNumberForOrdering: "",
    };
    expect(violations(PutRecord.input, input)).toEqual(
      told(
        [
          "sequenceNumberForOrdering",
          "",
          String.raw`Member must satisfy regular expression pattern: 0|([1-9]\d{0,128})`,
        ],
        ["partitionKey", "", NOT_EMPTY],
        [
          "explicitHashKey",
          "",
          String.raw`Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})`,
        ],
        ["streamName", "", NAME_PATTERN],
        ["streamName", "", NOT_EMPTY],
      ),
    );
  });

  test("PutRecord prints a blob as the buffer that held it", () => {
    const name = "a".repeat(129);
    const key = "a".repeat(257);
    const input = {
      StreamName: name,
      PartitionKey: key,
      Data: new Uint8Array(10_485_761),
    };
    expect(violations(PutRecord.input, input)).toEqual(
      told(
        ["partitionKey", key, "Member must have length less than or equal to 256"],
        [
          "data",
          "java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]",
          "Member must have length less than or equal to 10485760",
        ],
        ["streamName", name, "Member must have length less than or equal to 128"],
      ),
    );
  });

  test("GetShardIterator lists the iterator types in the order of the service's hash table", () => {
    const input = {
      StreamName: "",
      ShardIteratorType: "",
      ShardId: "",
      StartingSequenceNumber: "",
    };
    expect(violations(GetShardIterator.input, input)).toEqual(
      told(
        ["shardId", "", NAME_PATTERN],
        ["shardId", "", NOT_EMPTY],
        [
          "shardIteratorType",
          "",
          "Member must satisfy enum value set: " +
            "[AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
        ],
        [
          "startingSequenceNumber",
          "",
          String.raw`Member must satisfy regular expression pattern: 0|([1-9]\d{0,128})`,
        ],
        ["streamName", "", NAME_PATTERN],
        ["streamName", "", NOT_EMPTY],
      ),
    );
  });

  test("PutRecords stops after ten violations and prints entries by class and hash code", () => {
    const entry = { PartitionKey: "", Data: new Uint8Array() };
    const input = { StreamName: "", Records: Array.from({ length: 501 }, () => entry) };
    const printed = Array.from(
      { length: 501 },
      () => "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310",
    ).join(", ");
    expect(violations(PutRecords.input, input)).toEqual(
      told(
        ["records", `[${printed}]`, "Member must have length less than or equal to 500"],
        ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(
          (index) => [`records.${index}.member.partitionKey`, "", NOT_EMPTY] as const,
        ),
      ),
    );
  });

  test("PutRecords names members inside of an entry before the members after the list", () => {
    const input = {
      StreamName: "",
      Records: [{ PartitionKey: "", Data: new Uint8Array(), ExplicitHashKey: "" }],
    };
    expect(violations(PutRecords.input, input)).toEqual(
      told(
        ["records.1.member.partitionKey", "", NOT_EMPTY],
        [
          "records.1.member.explicitHashKey",
          "",
          String.raw`Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})`,
        ],
        ["streamName", "", NAME_PATTERN],
        ["streamName", "", NOT_EMPTY],
      ),
    );
  });

  test("ListShards has an order of its own", () => {
    const input = { StreamName: "", NextToken: "", MaxResults: 0, ExclusiveStartShardId: "" };
    expect(violations(ListShards.input, input)).toEqual(
      told(
        ["maxResults", "0", "Member must have value greater than or equal to 1"],
        ["exclusiveStartShardId", "", NAME_PATTERN],
        ["exclusiveStartShardId", "", NOT_EMPTY],
        ["streamName", "", NAME_PATTERN],
        ["streamName", "", NOT_EMPTY],
        ["nextToken", "", NOT_EMPTY],
      ),
    );
  });

  test("MergeShards and SplitShard name their shards in their own orders", () => {
    expect(violations(MergeShards.input, {})).toEqual(
      told(
        ["shardToMerge", null, "Member must not be null"],
        ["adjacentShardToMerge", null, "Member must not be null"],
      ),
    );
    expect(violations(SplitShard.input, { StreamName: "", ShardToSplit: "" })).toEqual(
      told(
        ["newStartingHashKey", null, "Member must not be null"],
        ["streamName", "", NAME_PATTERN],
        ["streamName", "", NOT_EMPTY],
        ["shardToSplit", "", NAME_PATTERN],
        ["shardToSplit", "", NOT_EMPTY],
      ),
    );
  });

  test("AddTagsToStream tells of keys and values once, of the whole map", () => {
    const key = "a".repeat(129);
    const value = "a".repeat(257);
    expect(violations(AddTagsToStream.input, { StreamName: "s", Tags: {} })).toEqual(
      told(["tags", "{}", NOT_EMPTY]),
    );
    expect(violations(AddTagsToStream.input, { StreamName: "s", Tags: { [key]: "3" } })).toEqual(
      told([
        "tags",
        `{${key}=3}`,
        "Map keys must satisfy constraint: [Member must have length less than or equal to 128, " +
          "Member must have length greater than or equal to 1]",
      ]),
    );
    const tags = { a: "1", c: value };
    expect(violations(AddTagsToStream.input, { StreamName: "s", Tags: tags })).toEqual(
      told([
        "tags",
        `{a=1, c=${value}}`,
        "Map value must satisfy constraint: [Member must have length less than or equal to 256, " +
          "Member must have length greater than or equal to 0]",
      ]),
    );
  });

  test("RemoveTagsFromStream tells of long keys once, of the whole list", () => {
    const key = "a".repeat(129);
    const input = { StreamName: "s", TagKeys: ["a", key, "b"] };
    expect(violations(RemoveTagsFromStream.input, input)).toEqual(
      told([
        "tagKeys",
        `[a, ${key}, b]`,
        "Member must satisfy constraint: [Member must have length less than or equal to 128, " +
          "Member must have length greater than or equal to 1]",
      ]),
    );
  });

  test("one violation is an error, two are errors", () => {
    const [first] = violations(CreateStream.input, { ShardCount: 1 });
    expect(validationMessage([first ?? ""])).toBe(
      "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: " +
        "Member must not be null",
    );
    expect(validationMessage(violations(CreateStream.input, { ShardCount: 0 }))).toBe(
      "2 validation errors detected: Value '0' at 'shardCount' failed to satisfy constraint: " +
        "Member must have value greater than or equal to 1; " +
        "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    );
  });
});

describe("the grammar", () => {
  test("a valid input breaks nothing, and all valid inputs share one empty answer", () => {
    const none = violations(CreateStream.input, { StreamName: "a.b_c-1" });
    expect(none).toEqual([]);
    expect(violations(CreateStream.input, { StreamName: "d", ShardCount: 3 })).toBe(none);
  });

  test("a null member is an absent one", () => {
    expect(violations(CreateStream.input, { StreamName: null, ShardCount: null })).toEqual(
      told(["streamName", null, "Member must not be null"]),
    );
  });

  test("members of a structure are named by their path", () => {
    const input = {
      ConsumerARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1",
      ShardId: "shardId-000000000000",
      StartingPosition: { Type: "LATEST", SequenceNumber: "01" },
    };
    expect(violations(SubscribeToShard.input, input)).toEqual(
      told([
        "startingPosition.sequenceNumber",
        "01",
        String.raw`Member must satisfy regular expression pattern: 0|([1-9]\d{0,128})`,
      ]),
    );
  });

  test("a pattern must match the whole value", () => {
    const found = (StreamName: string) => violations(CreateStream.input, { StreamName }).length;
    expect(found("good")).toBe(0);
    expect(found("good bad")).toBe(1);
    expect(found("good\n")).toBe(1);
    const hashKey = (ExplicitHashKey: string) =>
      violations(PutRecord.input, { Data: new Uint8Array(), PartitionKey: "k", ExplicitHashKey }).length;
    expect(["0", "7", "9".repeat(39)].map(hashKey)).toEqual([0, 0, 0]);
    expect(["00", "07", "-1", "1".repeat(40)].map(hashKey)).toEqual([1, 1, 1, 1]);
  });

  test("an enumeration in a list is told of the whole list", () => {
    const input = { StreamName: "s", ShardLevelMetrics: ["ALL", "Nothing"] };
    expect(violations(EnableEnhancedMonitoring.input, input)).toEqual(
      told([
        "shardLevelMetrics",
        "[ALL, Nothing]",
        "Member must satisfy constraint: [Member must satisfy enum value set: [ALL, " +
          "IteratorAgeMilliseconds, IncomingBytes, WriteProvisionedThroughputExceeded, " +
          "OutgoingRecords, ReadProvisionedThroughputExceeded, IncomingRecords, OutgoingBytes]]",
      ]),
    );
  });

  test("items of maps are named by their key, items of lists by their place", () => {
    const shape = structure({
      Matrix: optional(list(list(structure({ Cell: required(integer({ max: 9 })) })))),
      Attributes: optional(map(string(), structure({ DataType: required(string()) }))),
    });
    expect(violations(shape, { Matrix: [[], [{ Cell: 1 }, { Cell: 10 }]] })).toEqual(
      told(["matrix.2.member.2.member.cell", "10", "Member must have value less than or equal to 9"]),
    );
    expect(violations(shape, { Attributes: { one: { DataType: "" }, two: {} } })).toEqual(
      told(["attributes.two.member.dataType", null, "Member must not be null"]),
    );
  });

  test("nothing in a list may be null", () => {
    expect(violations(PutRecords.input, { Records: [null] })).toEqual(
      told(["records.1.member", null, "Member must not be null"]),
    );
    expect(violations(RemoveTagsFromStream.input, { TagKeys: [null] })).toHaveLength(1);
  });

  test("text is counted in UTF-16 units", () => {
    const put = (PartitionKey: string) =>
      violations(PutRecord.input, { Data: new Uint8Array(), PartitionKey }).length;
    expect(put("\u{1F30A}".repeat(128))).toBe(0);
    expect(put("\u{1F30A}".repeat(128) + "a")).toBe(1);
  });

  test("an ARN may hold anything where its pattern has dots", () => {
    const found = (ResourceARN: string) => violations(GetResourcePolicy.input, { ResourceARN }).length;
    const valid = [
      "arn:aws:kinesis:us-east-1:123456789012:stream/a",
      "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a/consumer/b:1",
      "arn:aws:kinesis::kinesis:123456789012:111111111111:channel/stream/é",
    ];
    const invalid = [
      "arn:aws:kinesis:us-east-1:12345678901:stream/a",
      "arn:aws:firehose:us-east-1:123456789012:stream/a",
      "arn:aws:123456789012:kinesis:stream/a",
      "arn:aws:kinesis:us-east-1:123456789012:stream/",
      "arn:aws:kinesis:us-east-1:123456789012:stream/a b",
      "arn:aws:kinesis:us-\neast-1:123456789012:stream/a",
    ];
    expect(valid.map(found)).toEqual(valid.map(() => 0));
    expect(invalid.map(found)).toEqual(invalid.map(() => 1));
  });

  test("a hostile ARN costs no more than reading it", () => {
    const hostile = (lengthMin: number) =>
      `arn:aws${":kinesis::111111111111:stream/".repeat(Math.ceil(lengthMin / 30))} `;
    const long = hostile(1_000_000);
    expect(violations(GetResourcePolicy.input, { ResourceARN: long })).toEqual(
      told(["resourceARN", long, "Member must have length less than or equal to 2048"]),
    );
    // Without a bound on the length, trying one way after another would take hours here.
    const unbounded = structure({
      ResourceARN: optional(
        string({ pattern: GetResourcePolicy.input.members.ResourceARN.shape.pattern ?? "" }),
      ),
    });
    expect(violations(unbounded, { ResourceARN: hostile(20_000) })).toHaveLength(1);
  });

  test("an order of report that names a member twice, or not all of them, is refused", () => {
    const members = { A: optional(string()), B: optional(string()) };
    for (const reported of [["A"], ["A", "A"]] as const) {
      expect(() => structure(members, { reported })).toThrow(/all members once/u);
    }
  });
});
