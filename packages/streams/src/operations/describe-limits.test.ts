import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

test("tells what the account has in the region, and may have", async () => {
  const { call, clock, createStream } = await serviceUnderTest();
  await createStream("p", 3);
  await call("CreateStream", { StreamName: "d" });
  await clock.advance(1_000);
  await createStream("q", 2);
  expect(await call("DescribeLimits", {})).toEqual({
    ShardLimit: 20_000,
    OpenShardCount: 9,
    OnDemandStreamCount: 1,
    OnDemandStreamCountLimit: 50,
    ChannelCount: 0,
    ChannelCountLimit: 0,
  });
  expect(await call("DescribeLimits", {}, { region: "eu-central-1" })).toMatchObject({
    ShardLimit: 6_000,
    OpenShardCount: 0,
    OnDemandStreamCount: 0,
  });
});

test("tells the most that it can of limits that are lifted", async () => {
  const { call } = await serviceUnderTest({ limits: { mode: "off" } });
  expect(await call("DescribeLimits", {})).toMatchObject({
    ShardLimit: 1_000_000,
    OnDemandStreamCountLimit: 1_000_000,
  });
});
