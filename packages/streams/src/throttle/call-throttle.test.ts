import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

describe("call rates", () => {
  test("a rate per stream is each stream's own, and is told with the stream", async () => {
    const { call, createStream, failureOf, clock } = await serviceUnderTest();
    await createStream("s", 1);
    await createStream("t", 1);
    const raise = (StreamName: string) => ({ StreamName, RetentionPeriodHours: 30 });
    for (let turn = 0; turn < 5; turn += 1) await call("IncreaseStreamRetentionPeriod", raise("s"));
    expect(await failureOf("IncreaseStreamRetentionPeriod", raise("s"))).toEqual({
      code: "LimitExceededException",
      message: "Rate exceeded for stream s under account 123456789012.",
      status: 400,
    });
    await call("IncreaseStreamRetentionPeriod", raise("t"));
    await clock.advance(1_000);
    await call("IncreaseStreamRetentionPeriod", raise("s"));
  });

  test("a rate per account is each account's and region's own", async () => {
    const { call, failureOf } = await serviceUnderTest();
    for (let turn = 0; turn < 5; turn += 1) await call("ListStreams", {});
    expect((await failureOf("ListStreams", {})).code).toBe("LimitExceededException");
    await call("ListStreams", {}, { accountId: "999999999999" });
    await call("ListStreams", {}, { region: "eu-west-1" });
  });

  test("rates can be overridden one by one, and limits that are off leave only the overrides", async () => {
    const { call, failureOf } = await serviceUnderTest({
      limits: { mode: "off", callsPerSecond: { ListStreams: 7 } },
    });
    for (let turn = 0; turn < 7; turn += 1) await call("ListStreams", {});
    expect((await failureOf("ListStreams", {})).code).toBe("LimitExceededException");
    await expect(serviceUnderTest({ limits: { callsPerSecond: { Nothing: 1 } } })).rejects.toThrow(
      RangeError,
    );
    await expect(serviceUnderTest({ limits: { callsPerSecond: { ListStreams: -1 } } })).rejects.toThrow(
      RangeError,
    );
  });
});
