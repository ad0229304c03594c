import { hashKeyHex } from "@millrace/model";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest, UnderTestOptions } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const DAY_MS = 86_400_000;
const KIB = 1_024;
const QUARTER = 1n << 126n;

async function onDemand(options: UnderTestOptions = {}): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest({ limits: { mode: "off" }, ...options });
  await service.call("CreateStream", { StreamName: "s", StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  await service.clock.advance(50);
  return service;
}

async function openShards({ call }: ServiceUnderTest, name = "s"): Promise<number> {
  return (await call("DescribeStreamSummary", { StreamName: name })).StreamDescriptionSummary.OpenShardCount;
}

interface Load {
  readonly seconds: number;
  readonly kibPerSecond: number;
  /** Hash key of the n-th record. */
  readonly at: (index: number) => bigint;
  readonly stream?: string;
}

/** Puts records of 64 KiB, as many a second as the load says, and lets time pass. Returns how many were refused. */
async function put({ call, clock }: ServiceUnderTest, load: Load): Promise<number> {
  const perSecond = Math.round(load.kibPerSecond / 64);
  let refused = 0;
  for (let second = 0; second < load.seconds; second += 1) {
    const { FailedRecordCount } = await call("PutRecords", {
      StreamName: load.stream ?? "s",
      Records: Array.from({ length: perSecond }, (_, index) => ({
        PartitionKey: "k",
        ExplicitHashKey: String(load.at(second * perSecond + index)),
        Data: DATA,
      })),
    });
    refused += FailedRecordCount ?? 0;
    await clock.advance(1_000);
  }
  return refused;
}

const DATA = Buffer.alloc(64 * KIB - 1);

/** All over a part of the ring, in no order. */
function spread(from: bigint, to: bigint): (index: number) => bigint {
  return (index) => from + ((to - from) * BigInt((index * 7_919) % 10_007)) / 10_007n;
}

describe("a stream in on-demand mode", () => {
  test("splits a shard that takes more than 500 KB/s within minutes, where its traffic lies", async () => {
    const service = await onDemand();
    // Shard 0 owns the first quarter of the ring; its traffic lies in the first eighth of that.
    await put(service, { seconds: 70, kibPerSecond: 576, at: spread(0n, QUARTER / 8n) });
    await service.clock.advance(60_000);
    const { Shards } = await service.call("ListShards", {
      StreamName: "s",
      ShardFilter: { Type: "AT_LATEST" },
    });
    expect(Shards).toHaveLength(5);
    const children = Shards!.filter(({ ParentShardId }) => ParentShardId === "shardId-000000000000");
    const border = BigInt(children[0]!.HashKeyRange.EndingHashKey);
    expect(border > QUARTER / 32n && border < (QUARTER * 3n) / 32n).toBe(true);
    const { StreamDescriptionSummary } = await service.call("DescribeStreamSummary", { StreamName: "s" });
    expect(StreamDescriptionSummary.StreamStatus).toBe("ACTIVE");
  });

  test("leaves a shard as it is that one key makes hot", async () => {
    const service = await onDemand();
    await put(service, { seconds: 150, kibPerSecond: 640, at: () => 5n });
    expect(await openShards(service)).toBe(4);
  });

  test("leaves shards as they are that take less", async () => {
    const service = await onDemand();
    await put(service, { seconds: 130, kibPerSecond: 448, at: spread(0n, QUARTER) });
    expect(await openShards(service)).toBe(4);
  });

  test("refuses what comes too fast for it, and takes it when it has grown", async () => {
    const service = await onDemand({ limits: { callsPerSecond: { ListShards: 1e6 } } });
    const load = { kibPerSecond: 1_792, at: spread(0n, QUARTER) };
    expect(await put(service, { ...load, seconds: 60 })).toBeGreaterThan(500);
    await service.clock.advance(1_000);
    expect(await put(service, { ...load, seconds: 20 })).toBe(0);
    expect(await openShards(service)).toBe(5);
  });

  test("grows by several shards at once", async () => {
    const service = await onDemand();
    await put(service, { seconds: 61, kibPerSecond: 4 * 640, at: spread(0n, 4n * QUARTER) });
    expect(await openShards(service)).toBe(8);
  });

  test("does not change while somebody else changes it, and does so after", async () => {
    const service = await onDemand({ transitionDelayMs: 150_000 });
    await service.clock.advance(150_000);
    await service.call("UpdateMaxRecordSize", {
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      MaxRecordSizeInKiB: 2_048,
    });
    await put(service, { seconds: 120, kibPerSecond: 640, at: spread(0n, QUARTER) });
    expect(await openShards(service)).toBe(4);
    await put(service, { seconds: 120, kibPerSecond: 640, at: spread(0n, QUARTER) });
    expect(await openShards(service)).toBe(5);
  });

  test("a provisioned stream is left alone however hot it is", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    await service.createStream("s", 1);
    await put(service, { seconds: 70, kibPerSecond: 640, at: spread(0n, 4n * QUARTER) });
    expect(await openShards(service)).toBe(1);
    await service.streams.close();
    expect([...service.engine.state.list("traffic/")]).toEqual([]);
  });
});

/** A stream that was provisioned with sixteen shards before it became on-demand. */
async function sixteen(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest({ limits: { mode: "off" } });
  await service.createStream("s", 16);
  await service.call("UpdateStreamMode", {
    StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
    StreamModeDetails: { StreamMode: "ON_DEMAND" },
  });
  await service.clock.advance(50);
  expect(await openShards(service)).toBe(16);
  return service;
}

/** Time passes while the service is down, which is quick. */
async function sleepFor(service: ServiceUnderTest, days: number): Promise<ServiceUnderTest> {
  await service.streams.close();
  await service.clock.advance(days * DAY_MS);
  const restarted = await service.restart();
  await restarted.clock.advance(120_000);
  return restarted;
}

describe("what an on-demand stream remembers", () => {
  test("its peak, for thirty days and through restarts; then it shrinks, by half and once a day", async () => {
    let service = await sixteen();
    service = await sleepFor(service, 15);
    await put(service, { seconds: 61, kibPerSecond: 16 * 320, at: spread(0n, 4n * QUARTER) });
    // Double of 5 MiB/s are ten shards: sixteen are not twice as many.
    service = await sleepFor(service, 16);
    expect(await openShards(service)).toBe(16);
    service = await sleepFor(service, 13);
    expect(await openShards(service)).toBe(16);
    service = await sleepFor(service, 1);
    expect(await openShards(service)).toBe(8);
    await service.clock.advance(3_600_000);
    expect(await openShards(service)).toBe(8);
    service = await sleepFor(service, 1);
    expect(await openShards(service)).toBe(4);
    service = await sleepFor(service, 2);
    expect(await openShards(service)).toBe(4);
  });

  test("a stream that was not watched for thirty days does not shrink", async () => {
    const service = await sleepFor(await sixteen(), 29);
    expect(await openShards(service)).toBe(16);
    expect(await openShards(await sleepFor(service, 1))).toBe(8);
  });

  test("a crash forgets no more than a quarter of an hour", async () => {
    const service = await onDemand();
    await put(service, { seconds: 61, kibPerSecond: 320, at: spread(0n, QUARTER) });
    expect([...service.engine.state.list("traffic/")]).toEqual([]);
    await service.clock.advance(15 * 60_000);
    const rows = [...service.engine.state.list("traffic/")];
    expect(rows.map(([key]) => key.split("/").length)).toEqual([2, 3]);
    const peak = 320 * KIB;
    expect(JSON.parse(rows[0]![1].value)).toMatchObject({
      history: { days: [[expect.any(Number), peak, 5]] },
    });
  });

  test("nothing, once it is deleted or provisioned", async () => {
    const service = await sixteen();
    const { call, clock, engine } = service;
    await call("CreateStream", { StreamName: "t" });
    await clock.advance(50);
    await put(service, { seconds: 61, kibPerSecond: 64, at: spread(0n, QUARTER) });
    await put(service, { seconds: 61, kibPerSecond: 64, at: spread(0n, QUARTER), stream: "t" });
    await clock.advance(15 * 60_000);
    expect([...engine.state.list("traffic/")]).toHaveLength(2 + 4 + 1);
    await call("UpdateStreamMode", {
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
    await call("DeleteStream", { StreamName: "t" });
    await clock.advance(61_000);
    expect([...engine.state.list("traffic/")]).toEqual([]);
  });
});

describe("warm throughput", () => {
  test("when it is lowered the stream shrinks to it, and to what the last hour needed", async () => {
    const service = await onDemand();
    const { call, clock } = service;
    const warm = async (WarmThroughputMiBps: number) => {
      await call("UpdateStreamWarmThroughput", {
        StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        WarmThroughputMiBps,
      });
      await clock.advance(100);
    };
    await call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });
    await warm(32);
    expect(await openShards(service)).toBe(32);
    // 5 MiB/s, evenly: ten shards take the double.
    await put(service, { seconds: 61, kibPerSecond: 5 * KIB, at: spread(0n, 4n * QUARTER) });
    await clock.advance(2 * DAY_MS);
    expect(await openShards(service)).toBe(32);
    await put(service, { seconds: 61, kibPerSecond: 2_560, at: spread(0n, 4n * QUARTER) });
    await warm(2);
    await clock.advance(300_000);
    // Five shards would do, but two neighbours of eight would be hot.
    expect(await openShards(service)).toBe(8);
    // What was before the last hour counts no more.
    await clock.advance(DAY_MS);
    expect(await openShards(service)).toBe(8);
  });

  test("where the service places the records, shards are split in the middle", async () => {
    const service = await onDemand();
    await service.call("UpdateStreamRecordDistributionStrategy", {
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      RecordDistributionStrategy: "AUTO",
    });
    await service.clock.advance(50);
    await put(service, { seconds: 61, kibPerSecond: 4 * 576, at: () => 5n });
    const { Shards } = await service.call("ListShards", {
      StreamName: "s",
      ShardFilter: { Type: "AT_LATEST" },
    });
    expect(
      Shards!.map(({ HashKeyRange }) => hashKeyHex(BigInt(HashKeyRange.StartingHashKey))).sort(),
    ).toEqual(Array.from({ length: 8 }, (_, index) => hashKeyHex((QUARTER / 2n) * BigInt(index))));
  });
});
