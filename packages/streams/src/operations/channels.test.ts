import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const CHANNEL = "arn:aws:kinesis:us-east-1:123456789012:channel/c";
const S3 = {
  StorageConfiguration: {
    BucketARN: "arn:aws:s3:::bucket",
    ExpectedBucketOwner: "123456789012",
    CompressionType: "NONE",
  },
} as const;
const CREATE = {
  ChannelName: "c",
  ServiceExecutionRoleARN: "arn:aws:iam::123456789012:role/r",
  StreamConfigurationList: [{ StreamARN: STREAM, RecordConfiguration: { RecordFormatType: "JSON" } }],
  S3DestinationConfiguration: S3,
} as const;
const notServed = (operation: string) => ({
  code: "InvalidArgumentException",
  message: `${operation} is not supported: this server does not serve channels.`,
  status: 400,
});

describe("channels are not served, and their operations say so", () => {
  test("after all that can be checked was right", async () => {
    const { call, clock, failureOf } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s" });
    await clock.advance(60);
    expect(await failureOf("CreateChannel", CREATE)).toEqual(notServed("CreateChannel"));
    expect(await failureOf("DescribeChannel", { ChannelARN: CHANNEL })).toEqual(notServed("DescribeChannel"));
    expect(await failureOf("DeleteChannel", { ChannelARN: CHANNEL })).toEqual(notServed("DeleteChannel"));
    expect(await failureOf("UpdateChannel", { ChannelARN: CHANNEL })).toEqual(notServed("UpdateChannel"));
    expect(await failureOf("ListChannels", { StreamFilter: [{ StreamARN: STREAM }] })).toEqual(
      notServed("ListChannels"),
    );
  });

  test("and what is wrong with a request is told before", async () => {
    const { call, clock, createStream, failureOf } = await serviceUnderTest({ limits: { mode: "off" } });
    const create = (change: object) => failureOf("CreateChannel", { ...CREATE, ...change });
    expect(await create({})).toMatchObject({ code: "ResourceNotFoundException" });
    await createStream("s", 1);
    expect((await create({})).message).toMatch(/PROVISIONED/);
    await call("CreateStream", { StreamName: "d" });
    await clock.advance(60);
    expect((await create({ S3DestinationConfiguration: undefined })).message).toMatch(/^Exactly one of/);
    const late = { ...S3, DataFreshnessInSeconds: 901 };
    expect((await create({ S3DestinationConfiguration: late })).message).toMatch(/^DataFreshnessInSeconds/);
    expect((await create({ Tags: { "a;": "" } })).message).toMatch(/^Some tags/);
    const consumer = { StreamARN: `${STREAM}/else`, RecordConfiguration: { RecordFormatType: "JSON" } };
    expect((await create({ StreamConfigurationList: [consumer] })).message).toMatch(
      /not the ARN of a stream/,
    );
    expect(
      (
        await failureOf("UpdateChannel", {
          ChannelARN: CHANNEL,
          S3DestinationConfiguration: { DataFreshnessInSeconds: 1 },
        })
      ).message,
    ).toMatch(/^DataFreshnessInSeconds/);
    expect((await failureOf("DescribeChannel", { ChannelARN: STREAM })).message).toMatch(
      /not the ARN of a channel/,
    );
    expect((await failureOf("ListChannels", { NextToken: "x" })).message).toBe("Invalid NextToken.");
    expect((await failureOf("ListChannels", { StreamFilter: [{ StreamARN: CHANNEL }] })).message).toMatch(
      /not the ARN of a stream/,
    );
  });
});
