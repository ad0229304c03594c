import { describe, expect, test } from "vitest";
import type { UnderTestOptions, ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const ENABLED = { MinimumThroughputBillingCommitment: { Status: "ENABLED" } } as const;
const DISABLED = { MinimumThroughputBillingCommitment: { Status: "DISABLED" } } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function withCommitment(options: UnderTestOptions = {}): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest(options);
  await service.call("UpdateAccountSettings", ENABLED);
  await service.call("CreateStream", { StreamName: "s" });
  await service.clock.advance(60);
  return service;
}

describe("account settings", () => {
  const commitmentOf = async ({ call }: ServiceUnderTest, caller = {}) =>
    (await call("DescribeAccountSettings", {}, caller)).MinimumThroughputBillingCommitment;

  test("a commitment that has lasted a day ends at once", async () => {
    const service = await serviceUnderTest();
    const { call, clock } = service;
    expect(await commitmentOf(service)).toEqual({ Status: "DISABLED" });
    expect(await call("UpdateAccountSettings", DISABLED)).toEqual({
      MinimumThroughputBillingCommitment: { Status: "DISABLED" },
    });
    const StartedAt = clock.nowMs();
    const enabled = { Status: "ENABLED", StartedAt, EarliestAllowedEndAt: StartedAt + DAY_MS };
    expect(await call("UpdateAccountSettings", ENABLED)).toEqual({
      MinimumThroughputBillingCommitment: enabled,
    });
    await clock.advance(DAY_MS);
    expect(await call("UpdateAccountSettings", ENABLED)).toEqual({
      MinimumThroughputBillingCommitment: enabled,
    });
    expect(await commitmentOf(await service.restart())).toEqual(enabled);
    const ended = { Status: "DISABLED", StartedAt, EndedAt: clock.nowMs() };
    expect(await call("UpdateAccountSettings", DISABLED)).toEqual({
      MinimumThroughputBillingCommitment: ended,
    });
    await clock.advance(HOUR_MS);
    expect(await commitmentOf(service)).toEqual(ended);
    await call("UpdateAccountSettings", ENABLED);
    expect((await commitmentOf(service))?.StartedAt).toBe(clock.nowMs());
  });

  test("one that is ended earlier runs to the end of its day, unless it is enabled again", async () => {
    const service = await serviceUnderTest();
    const { call, clock } = service;
    const StartedAt = clock.nowMs();
    await call("UpdateAccountSettings", ENABLED);
    await clock.advance(HOUR_MS);
    const ending = {
      Status: "ENABLED_UNTIL_EARLIEST_ALLOWED_END",
      StartedAt,
      EarliestAllowedEndAt: StartedAt + DAY_MS,
    };
    expect(await call("UpdateAccountSettings", DISABLED)).toEqual({
      MinimumThroughputBillingCommitment: ending,
    });
    expect(await call("UpdateAccountSettings", DISABLED)).toEqual({
      MinimumThroughputBillingCommitment: ending,
    });
    await call("UpdateAccountSettings", ENABLED);
    expect(await commitmentOf(service)).toEqual({ ...ending, Status: "ENABLED" });
    await call("UpdateAccountSettings", DISABLED);
    await clock.advance(23 * HOUR_MS - 1);
    expect(await commitmentOf(service)).toEqual(ending);
    await clock.advance(1);
    expect(await commitmentOf(service)).toEqual({
      Status: "DISABLED",
      StartedAt,
      EndedAt: StartedAt + DAY_MS,
    });
  });

  test("belong to one account in one region", async () => {
    const service = await serviceUnderTest();
    await service.call("UpdateAccountSettings", ENABLED);
    expect(await commitmentOf(service, { accountId: "999999999999" })).toEqual({ Status: "DISABLED" });
    expect(await commitmentOf(service, { region: "eu-west-1" })).toEqual({ Status: "DISABLED" });
  });

  test("cannot be stored by an engine that takes nothing", async () => {
    const { engine, failureOf } = await serviceUnderTest();
    await engine.close();
    expect(await failureOf("UpdateAccountSettings", ENABLED)).toMatchObject({
      code: "InternalFailureException",
      status: 500,
    });
  });
});

describe("warm throughput", () => {
  const summaryOf = async ({ call }: ServiceUnderTest) =>
    (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary;
  const warm = (WarmThroughputMiBps: number) => ({ StreamName: "s", WarmThroughputMiBps });

  test("is reached when the stream has the shards, and is ended with 0", async () => {
    const service = await withCommitment();
    const { call, clock } = service;
    expect((await summaryOf(service)).WarmThroughput).toBeUndefined();
    expect(await call("UpdateStreamWarmThroughput", warm(10))).toEqual({
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      StreamName: "s",
      WarmThroughput: { TargetMiBps: 10, CurrentMiBps: 4 },
    });
    expect(await summaryOf(service)).toMatchObject({
      StreamStatus: "UPDATING",
      WarmThroughput: { TargetMiBps: 10, CurrentMiBps: 4 },
    });
    await clock.advance(50);
    const warmed = {
      StreamStatus: "ACTIVE",
      OpenShardCount: 10,
      WarmThroughput: { TargetMiBps: 10, CurrentMiBps: 10 },
    };
    expect(await summaryOf(service)).toMatchObject(warmed);
    await call("UpdateStreamWarmThroughput", warm(8));
    await clock.advance(50);
    expect((await summaryOf(service)).WarmThroughput?.TargetMiBps).toBe(8);
    await call("UpdateStreamWarmThroughput", warm(0));
    await clock.advance(50);
    expect((await summaryOf(service)).WarmThroughput).toBeUndefined();
    expect((await summaryOf(service)).StreamStatus).toBe("ACTIVE");
  });

  test("can be there from the start", async () => {
    const service = await serviceUnderTest();
    const { call, clock, failureOf } = service;
    const create = { StreamName: "s", WarmThroughputMiBps: 7 };
    expect((await failureOf("CreateStream", create)).code).toBe("InvalidArgumentException");
    await call("UpdateAccountSettings", ENABLED);
    await call("CreateStream", create);
    await clock.advance(60);
    expect(await summaryOf(service)).toMatchObject({
      OpenShardCount: 7,
      WarmThroughput: { TargetMiBps: 7, CurrentMiBps: 7 },
    });
  });

  test("needs a stream that is there, on demand and ACTIVE, and a commitment that goes on", async () => {
    const { call, clock, failureOf } = await withCommitment();
    await call("CreateStream", { StreamName: "p", ShardCount: 1 });
    const codeOf = async (input: { StreamName: string; WarmThroughputMiBps: number }) =>
      (await failureOf("UpdateStreamWarmThroughput", input)).code;
    expect(await codeOf({ ...warm(5), StreamName: "t" })).toBe("ResourceNotFoundException");
    expect(await codeOf({ ...warm(5), StreamName: "p" })).toBe("InvalidArgumentException");
    expect(await codeOf(warm(10_241))).toBe("LimitExceededException");
    await clock.advance(1_000);
    await call("UpdateStreamWarmThroughput", warm(5));
    expect(await codeOf(warm(6))).toBe("ResourceInUseException");
    await clock.advance(1_000);
    await call("UpdateStreamWarmThroughput", warm(0));
    await call("UpdateAccountSettings", DISABLED);
    expect(await codeOf(warm(5))).toBe("InvalidArgumentException");
  });

  test("must be ended before the commitment", async () => {
    const { call, clock, failureOf } = await withCommitment();
    await call("UpdateStreamWarmThroughput", warm(5));
    await clock.advance(DAY_MS);
    expect(await failureOf("UpdateAccountSettings", DISABLED)).toMatchObject({
      code: "InvalidArgumentException",
      message: expect.stringContaining("Stream s under account 123456789012 has 5 MiBps") as string,
    });
    await call("UpdateStreamWarmThroughput", warm(0));
    const { MinimumThroughputBillingCommitment } = await call("UpdateAccountSettings", DISABLED);
    expect(MinimumThroughputBillingCommitment?.Status).toBe("DISABLED");
  });

  test("that would exceed the account's shards is refused", async () => {
    const { failureOf } = await withCommitment({
      limits: { overrides: { shardsPerAccountInLargeRegions: 9 } },
    });
    expect((await failureOf("UpdateStreamWarmThroughput", warm(10))).message).toMatch(
      /^This request would exceed the shard limit/,
    );
  });
});
