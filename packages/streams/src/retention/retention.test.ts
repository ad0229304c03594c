import type { LogEngine } from "@millrace/log";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const HOUR_MS = 3_600_000;

async function put({ call }: ServiceUnderTest, text: string): Promise<string> {
  return (await call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.from(text) }))
    .SequenceNumber;
}

async function readable({ call }: ServiceUnderTest): Promise<string[]> {
  const { ShardIterator } = await call("GetShardIterator", {
    StreamName: "s",
    ShardId: "0",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const { Records } = await call("GetRecords", { ShardIterator: ShardIterator! });
  return Records.map(({ Data }) => Buffer.from(Data).toString());
}

/** Records at hours 0, 10 and 20; it is hour 20. */
async function threeAges(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest({ limits: { mode: "off" } });
  await service.createStream("s", 1);
  for (const text of ["old", "middle", "young"]) {
    await put(service, text);
    if (text !== "young") await service.clock.advance(10 * HOUR_MS);
  }
  return service;
}

describe("retention", () => {
  test("a record can be read until its time ends, and not a millisecond longer, pass or no pass", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    await service.createStream("s", 1);
    await service.clock.advance(12_345);
    await put(service, "one");
    await service.clock.advance(24 * HOUR_MS);
    expect(await readable(service)).toEqual(["one"]);
    await service.clock.advance(1);
    expect(await readable(service)).toEqual([]);
  });

  test("positions that were trimmed move up to the oldest record", async () => {
    const service = await threeAges();
    const { call, clock } = service;
    const first = (
      await call("GetRecords", {
        ShardIterator: (
          await call("GetShardIterator", { StreamName: "s", ShardId: "0", ShardIteratorType: "TRIM_HORIZON" })
        ).ShardIterator!,
        Limit: 1,
      })
    ).Records[0]!.SequenceNumber;
    await clock.advance(5 * HOUR_MS);
    const { ShardIterator } = await call("GetShardIterator", {
      StreamName: "s",
      ShardId: "0",
      ShardIteratorType: "AT_SEQUENCE_NUMBER",
      StartingSequenceNumber: first,
    });
    const { Records } = await call("GetRecords", { ShardIterator: ShardIterator! });
    expect(Records.map(({ Data }) => Buffer.from(Data).toString())).toEqual(["middle", "young"]);
  });

  test("the pass trims the log", async () => {
    const service = await threeAges();
    await service.clock.advance(4 * HOUR_MS + 2 * 60_000);
    expect(service.engine.statistics().oldestArrivalMs).toBe(Date.UTC(2026, 0, 1, 10, 0, 0, 60));
    await service.clock.advance(24 * HOUR_MS);
    expect(service.engine.statistics()).toMatchObject({ oldestArrivalMs: undefined, tailCacheBytes: 0 });
    await put(service, "new");
    expect(await readable(service)).toEqual(["new"]);
  });

  test("a longer period keeps what is there and brings nothing back", async () => {
    const service = await threeAges();
    const { call, clock } = service;
    await clock.advance(5 * HOUR_MS);
    await call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 100 });
    expect(await readable(service)).toEqual(["middle", "young"]);
    await clock.advance(50 * HOUR_MS);
    expect(await readable(service)).toEqual(["middle", "young"]);
    const restarted = await service.restart();
    expect(await readable(restarted)).toEqual(["middle", "young"]);
    await clock.advance(40 * HOUR_MS);
    expect(await readable(restarted)).toEqual(["young"]);
  });

  test("a shorter period ends the records beyond it at once, for good", async () => {
    const service = await threeAges();
    const { call, clock } = service;
    await call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 48 });
    await clock.advance(15 * HOUR_MS);
    expect(await readable(service)).toEqual(["old", "middle", "young"]);
    await call("DecreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 24 });
    expect(await readable(service)).toEqual(["young"]);
    await call("IncreaseStreamRetentionPeriod", { StreamName: "s", RetentionPeriodHours: 48 });
    expect(await readable(service)).toEqual(["young"]);
    expect(
      (await call("DescribeStreamSummary", { StreamName: "s" })).StreamDescriptionSummary
        .RetentionPeriodHours,
    ).toBe(48);
  });

  test("periods that are none are refused, as the service words it", async () => {
    const { createStream, call, clock, failureOf } = await serviceUnderTest();
    await createStream("s", 1);
    const of = (RetentionPeriodHours: number) => ({ StreamName: "s", RetentionPeriodHours });
    expect(await failureOf("IncreaseStreamRetentionPeriod", of(23))).toMatchObject({
      code: "InvalidArgumentException",
      message:
        "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
    });
    expect((await failureOf("IncreaseStreamRetentionPeriod", of(8_761))).code).toBe(
      "InvalidArgumentException",
    );
    await call("IncreaseStreamRetentionPeriod", of(8_760));
    expect((await failureOf("IncreaseStreamRetentionPeriod", of(25))).message).toBe(
      "Requested retention period (25 hours) for stream s can not be shorter than existing retention period (8760 hours). " +
        "Use DecreaseRetentionPeriod API.",
    );
    await call("DecreaseStreamRetentionPeriod", of(30));
    await clock.advance(1_000);
    expect((await failureOf("DecreaseStreamRetentionPeriod", of(31))).message).toBe(
      "Requested retention period (31 hours) for stream s can not be longer than existing retention period (30 hours). " +
        "Use IncreaseRetentionPeriod API.",
    );
    expect(
      (await failureOf("DecreaseStreamRetentionPeriod", { StreamName: "t", RetentionPeriodHours: 24 }))
        .message,
    ).toBe("Stream t under account 123456789012 not found.");
  });

  test("a pass that the engine refuses is made up for later", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    let refusing = true;
    const inner = service.engine;
    const flaky = {
      ...wrap(inner),
      state: {
        ...inner.state,
        commit: (change: Parameters<typeof inner.state.commit>[0]) =>
          refusing && change.drops !== undefined
            ? Promise.resolve({ kind: "read-only", reason: "no space" } as const)
            : inner.state.commit(change),
      },
    };
    const wrapped = await serviceUnderTest({ limits: { mode: "off" }, clock: service.clock, engine: flaky });
    await service.streams.close();
    await wrapped.createStream("s", 1);
    await wrapped.call("DeleteStream", { StreamName: "s" });
    await wrapped.clock.advance(5_000);
    expect((await wrapped.call("ListStreams", {})).StreamNames).toEqual(["s"]);
    refusing = false;
    await wrapped.clock.advance(1_000);
    expect((await wrapped.call("ListStreams", {})).StreamNames).toEqual([]);
  });

  test("what is known of a log is not taken for all of it when all of that is old, and is enough while some is young", async () => {
    const first = await serviceUnderTest({ limits: { mode: "off" } });
    const { clock, engine } = first;
    await first.streams.close();
    // As an engine does to which others write, too: it knows of a log what there was when it was asked to look.
    const arrivals = new Map<number, number>();
    let refreshCount = 0;
    const forgetful: LogEngine = {
      ...wrap(engine),
      describe(logId) {
        const bounds = engine.describe(logId);
        return bounds && { ...bounds, lastArrivalMs: arrivals.get(logId) ?? 0 };
      },
      refresh(logId) {
        refreshCount += 1;
        arrivals.set(logId, engine.describe(logId)?.lastArrivalMs ?? 0);
        return undefined;
      },
    };
    const service = await serviceUnderTest({ limits: { mode: "off" }, clock, engine: forgetful });
    await service.createStream("s", 1);
    await put(service, "old");
    expect(await readable(service)).toEqual(["old"]);
    await clock.advance(20 * HOUR_MS);
    await put(service, "young");
    await service.call("UpdateShardCount", {
      ...{ StreamName: "s", TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" },
    });
    await clock.advance(5 * HOUR_MS);
    expect(engine.statistics().oldestArrivalMs).toBeGreaterThan(clock.nowMs() - 6 * HOUR_MS);
    expect(await readable(service)).toEqual(["young"]);
    refreshCount = 0;
    await clock.advance(HOUR_MS);
    // Once a minute, for each of the children, which are empty; not for the parent.
    expect(refreshCount).toBeLessThanOrEqual(2 * 60);
  });
});

function wrap(engine: LogEngine): LogEngine {
  return {
    state: engine.state,
    allocateLogId: () => engine.allocateLogId(),
    append: (...input) => engine.append(...input),
    appendAt: (...input) => engine.appendAt(...input),
    read: (...input) => engine.read(...input),
    seek: (...input) => engine.seek(...input),
    describe: (logId) => engine.describe(logId),
    watch: (...input) => engine.watch(...input),
    newestArrivalMs: () => engine.newestArrivalMs(),
    readOnlyReason: () => engine.readOnlyReason(),
    statistics: () => engine.statistics(),
    close: () => engine.close(),
  };
}
