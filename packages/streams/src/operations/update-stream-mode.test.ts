import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const ON_DEMAND = { StreamARN: STREAM, StreamModeDetails: { StreamMode: "ON_DEMAND" } } as const;
const PROVISIONED = { StreamARN: STREAM, StreamModeDetails: { StreamMode: "PROVISIONED" } } as const;
const DAY_MS = 86_400_000;

async function withStream(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest();
  await service.createStream("s", 2);
  return service;
}

async function summaryOf({ call, clock }: ServiceUnderTest) {
  await clock.advance(1_000);
  return (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary;
}

describe("UpdateStreamMode", () => {
  test("switches the mode, is UPDATING meanwhile, and leaves the shards as they are", async () => {
    const service = await withStream();
    const { call } = service;
    await call("UpdateStreamMode", ON_DEMAND);
    const { StreamDescription } = await call("DescribeStream", { StreamName: "s" });
    expect(StreamDescription).toMatchObject({
      StreamStatus: "UPDATING",
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
    });
    const summary = { StreamStatus: "ACTIVE", OpenShardCount: 2 };
    expect(await summaryOf(service)).toMatchObject(summary);
    await call("UpdateStreamMode", PROVISIONED);
    expect(await summaryOf(service)).toMatchObject({
      ...summary,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
  });

  test("works twice in 24 hours; asking for the mode that is does not count", async () => {
    const service = await withStream();
    const { call, clock, failureOf } = service;
    for (const input of [PROVISIONED, ON_DEMAND, ON_DEMAND, PROVISIONED, PROVISIONED]) {
      await call("UpdateStreamMode", input);
      await clock.advance(50);
    }
    expect(await failureOf("UpdateStreamMode", ON_DEMAND)).toEqual({
      code: "LimitExceededException",
      message: "Rate exceeded for stream s under account 123456789012.",
      status: 400,
    });
    await clock.advance(DAY_MS - 250);
    expect((await failureOf("UpdateStreamMode", ON_DEMAND)).code).toBe("LimitExceededException");
    await clock.advance(50);
    await call("UpdateStreamMode", ON_DEMAND);
  });

  test("a stream must be there and ACTIVE, and an account has only so many on-demand streams", async () => {
    const service = await serviceUnderTest({ limits: { overrides: { onDemandStreamsPerAccount: 1 } } });
    const { call, clock, failureOf } = service;
    expect((await failureOf("UpdateStreamMode", ON_DEMAND)).code).toBe("ResourceNotFoundException");
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    expect((await failureOf("UpdateStreamMode", ON_DEMAND)).code).toBe("ResourceInUseException");
    await call("CreateStream", { StreamName: "d" });
    expect((await failureOf("CreateStream", { StreamName: "e" })).code).toBe("LimitExceededException");
    await clock.advance(60);
    expect(await failureOf("UpdateStreamMode", ON_DEMAND)).toMatchObject({
      code: "LimitExceededException",
      message:
        "This request would exceed the on-demand stream limit for the account 123456789012 in us-east-1. " +
        "Current on-demand stream count for the account: 1. Limit: 1.",
    });
  });

  test("a stream whose records the service distributes cannot become provisioned", async () => {
    const { call, clock, failureOf } = await serviceUnderTest();
    await call("CreateStream", { StreamName: "s", RecordDistributionStrategy: "AUTO" });
    await clock.advance(60);
    expect((await failureOf("UpdateStreamMode", PROVISIONED)).code).toBe("InvalidArgumentException");
    await call("UpdateStreamRecordDistributionStrategy", {
      StreamARN: STREAM,
      RecordDistributionStrategy: "USER_PARTITION_KEY",
    });
    await call("UpdateStreamMode", PROVISIONED);
  });

  test("warm throughput comes with the switch to on-demand, and only with it", async () => {
    const service = await withStream();
    const { call, failureOf } = service;
    const warm = { ...ON_DEMAND, WarmThroughputMiBps: 5 };
    expect((await failureOf("UpdateStreamMode", warm)).message).toMatch(/MinimumThroughputBillingCommitment/);
    await call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });
    expect((await failureOf("UpdateStreamMode", { ...PROVISIONED, WarmThroughputMiBps: 5 })).code).toBe(
      "InvalidArgumentException",
    );
    await call("UpdateStreamMode", warm);
    expect(await summaryOf(service)).toMatchObject({
      OpenShardCount: 5,
      WarmThroughput: { TargetMiBps: 5, CurrentMiBps: 5 },
    });
    expect((await failureOf("UpdateStreamMode", warm)).code).toBe("InvalidArgumentException");
    await call("UpdateStreamMode", PROVISIONED);
    expect((await summaryOf(service)).WarmThroughput).toBeUndefined();
  });
});
