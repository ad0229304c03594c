import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  consumerArn,
  formatArn,
  formatShardId,
  parseArn,
  parseShardId,
  SHARD_INDEX_MAX,
  streamArn,
} from "./index.ts";

const name = fc.stringMatching(/^[a-zA-Z0-9_.-]{1,128}$/);

describe("shard ids", () => {
  test("an id has the index in 12 digits and reads back", () => {
    expect(formatShardId(7)).toBe("shardId-000000000007");
    fc.assert(
      fc.property(fc.nat(SHARD_INDEX_MAX), (index) => {
        expect(parseShardId(formatShardId(index))).toBe(index);
      }),
    );
  });

  test("ids without padding or prefix are taken, others are not", () => {
    expect(parseShardId("shardId-2")).toBe(2);
    expect(parseShardId("2")).toBe(2);
    expect(parseShardId("shardId-2147483648")).toBeUndefined();
    expect(parseShardId("shardId-two")).toBeUndefined();
    expect(parseShardId("shard")).toBeUndefined();
  });
});

describe("resource names", () => {
  test("names of streams and consumers read back", () => {
    fc.assert(
      fc.property(name, name, fc.nat(), (streamName, consumerName, creationSeconds) => {
        const stream = streamArn("eu-west-1", "123456789012", streamName);
        expect(parseArn(stream)).toEqual({
          kind: "stream",
          partition: "aws",
          region: "eu-west-1",
          accountId: "123456789012",
          streamName,
        });
        const consumer = consumerArn(stream, consumerName, creationSeconds);
        const parsed = parseArn(consumer);
        expect(parsed).toMatchObject({ kind: "consumer", streamName, consumerName, creationSeconds });
        expect(formatArn(parsed!)).toBe(consumer);
      }),
    );
  });

  test("a region's partition is part of the name", () => {
    expect(streamArn("cn-north-1", "123456789012", "s")).toBe(
      "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s",
    );
    expect(parseArn("arn:aws:kinesis:us-east-1:123456789012:channel/c/1")).toMatchObject({
      kind: "channel",
      channel: "c/1",
    });
  });

  test("other texts are no names", () => {
    for (const text of ["", "stream", "arn:aws:s3:::bucket", "arn:aws:kinesis:us-east-1:12:stream/s"]) {
      expect(parseArn(text)).toBeUndefined();
    }
    expect(parseArn("arn:aws:kinesis:us-east-1:123456789012:stream/a/b")).toBeUndefined();
  });
});
