import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const SEVEN = [
  "IncomingBytes",
  "IncomingRecords",
  "OutgoingBytes",
  "OutgoingRecords",
  "WriteProvisionedThroughputExceeded",
  "ReadProvisionedThroughputExceeded",
  "IteratorAgeMilliseconds",
];

describe("enhanced monitoring", () => {
  test("the answer tells the metrics before and after, and ALL stands for the seven", async () => {
    const { call, clock, createStream } = await serviceUnderTest();
    await createStream("s", 1);
    const described = async () => {
      await clock.advance(50);
      const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName: "s" });
      expect(StreamDescriptionSummary.StreamStatus).toBe("ACTIVE");
      return StreamDescriptionSummary.EnhancedMonitoring[0]!.ShardLevelMetrics;
    };
    expect(
      await call("EnableEnhancedMonitoring", {
        StreamARN: STREAM,
        ShardLevelMetrics: ["OutgoingBytes", "IncomingBytes"],
      }),
    ).toEqual({
      StreamName: "s",
      StreamARN: STREAM,
      CurrentShardLevelMetrics: [],
      DesiredShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"],
    });
    expect(await described()).toEqual(["IncomingBytes", "OutgoingBytes"]);
    expect(
      await call("EnableEnhancedMonitoring", { StreamName: "s", ShardLevelMetrics: ["ALL"] }),
    ).toMatchObject({
      CurrentShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"],
      DesiredShardLevelMetrics: SEVEN,
    });
    expect(await described()).toEqual(SEVEN);
    expect(
      await call("DisableEnhancedMonitoring", { StreamName: "s", ShardLevelMetrics: ["IncomingBytes"] }),
    ).toMatchObject({ CurrentShardLevelMetrics: SEVEN, DesiredShardLevelMetrics: SEVEN.slice(1) });
    await clock.advance(50);
    expect(
      await call("DisableEnhancedMonitoring", { StreamName: "s", ShardLevelMetrics: ["ALL"] }),
    ).toMatchObject({ DesiredShardLevelMetrics: [] });
    expect(await described()).toEqual([]);
  });

  test("a change makes the stream UPDATING, and asking for what is so already does not", async () => {
    const { call, createStream, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    const metrics = { StreamName: "s", ShardLevelMetrics: ["IncomingBytes"] } as const;
    const statusOf = async () =>
      (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary.StreamStatus;
    await call("DisableEnhancedMonitoring", metrics);
    expect(await statusOf()).toBe("ACTIVE");
    await call("EnableEnhancedMonitoring", metrics);
    expect(await statusOf()).toBe("UPDATING");
    expect((await failureOf("DisableEnhancedMonitoring", metrics)).code).toBe("ResourceInUseException");
    expect((await failureOf("EnableEnhancedMonitoring", { ...metrics, StreamName: "t" })).code).toBe(
      "ResourceNotFoundException",
    );
  });
});
