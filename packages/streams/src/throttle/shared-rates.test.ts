import type { LogEngine } from "@millrace/log";
import { memoryEngine } from "@millrace/log";
import { serviceClock, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { processesOn } from "../peers-under-test.ts";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

/** Two services on one engine; what belongs to anybody belongs to the first. */
async function twoServices() {
  const clock = serviceClock(simulatedClock());
  const processes = processesOn(memoryEngine({ clock }), "one");
  const start = (peer: string): Promise<ServiceUnderTest> =>
    serviceUnderTest({ clock, engine: processes.engineOf(peer) as LogEngine });
  const services = [await start("one"), await start("two")] as const;
  await services[0].createStream("orders", 1);
  return { clock, processes, services };
}

const records = (count: number) =>
  Array.from({ length: count }, (_, number) => ({ PartitionKey: `${number}`, Data: Buffer.from("x") }));

async function put({ call }: ServiceUnderTest, count: number): Promise<number> {
  const { FailedRecordCount } = await call("PutRecords", { StreamName: "orders", Records: records(count) });
  return count - FailedRecordCount!;
}

async function iterator({ call }: ServiceUnderTest): Promise<string> {
  const answer = await call("GetShardIterator", {
    StreamName: "orders",
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  return answer.ShardIterator!;
}

describe("a limit holds for all processes together", () => {
  test("of records put into a shard", async () => {
    const {
      clock,
      services: [one, other],
    } = await twoServices();
    expect(await put(other, 400)).toBe(400);
    expect(await put(one, 400)).toBe(400);
    expect(await put(other, 400)).toBe(200);
    const single = { StreamName: "orders", PartitionKey: "k", Data: Buffer.from("x") };
    for (const service of [one, other])
      expect((await service.failureOf("PutRecord", single)).code).toBe(
        "ProvisionedThroughputExceededException",
      );
    await clock.advance(1_000);
    await other.call("PutRecord", single);
    expect(await put(one, 500)).toBe(500);
    expect(await put(other, 500)).toBe(499);
  });

  test("of bytes put into a shard, where a smaller record may still fit", async () => {
    const {
      services: [one, other],
    } = await twoServices();
    const sized = (...sizes: number[]) => ({
      StreamName: "orders",
      Records: sizes.map((size) => ({ PartitionKey: "k", Data: Buffer.alloc(size - 1) })),
    });
    await one.call("PutRecords", sized(600_000));
    const { Records } = await other.call("PutRecords", sized(300_000, 300_000, 100_000));
    expect(Records.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      "ProvisionedThroughputExceededException",
      undefined,
    ]);
  });

  test("of GetRecords, by calls and by what was read", async () => {
    const {
      clock,
      services: [one, other],
    } = await twoServices();
    await put(one, 10);
    const ShardIterator = await iterator(other);
    for (const service of [one, other, one, other, other])
      await service.call("GetRecords", { ShardIterator });
    for (const service of [one, other])
      expect((await service.failureOf("GetRecords", { ShardIterator })).code).toBe(
        "ProvisionedThroughputExceededException",
      );
    for (let second = 0; second < 3; second += 1) {
      await clock.advance(1_000);
      await one.call("PutRecord", { StreamName: "orders", PartitionKey: "k", Data: Buffer.alloc(1_000_000) });
    }
    await other.call("GetRecords", { ShardIterator });
    expect((await one.failureOf("GetRecords", { ShardIterator })).code).toBe(
      "ProvisionedThroughputExceededException",
    );
  });

  test("of iterators, and of calls", async () => {
    const {
      services: [one, other],
    } = await twoServices();
    for (const service of [one, other, one, other, one]) await iterator(service);
    await expect(iterator(other)).rejects.toThrow(/Rate exceeded/);
    for (const service of [other, one, other, one, other]) await service.call("ListStreams", {});
    for (const service of [one, other])
      expect((await service.failureOf("ListStreams", {})).code).toBe("LimitExceededException");
  });

  test("and is counted by each alone when nobody else answers", async () => {
    const {
      processes,
      services: [one, other],
    } = await twoServices();
    expect(await put(one, 500)).toBe(500);
    processes.silence("one");
    for (const count of [500, 500]) expect(await put(other, count)).toBe(count);
    expect(await put(other, 500)).toBe(0);
    for (let call = 0; call < 5; call += 1) await other.call("ListStreams", {});
    expect((await other.failureOf("ListStreams", {})).code).toBe("LimitExceededException");
  });

  test("asks nobody when there is no limit", async () => {
    const clock = serviceClock(simulatedClock());
    const processes = processesOn(memoryEngine({ clock }), "one");
    const other = await serviceUnderTest({
      clock,
      engine: processes.engineOf("two"),
      limits: { mode: "off" },
    });
    await other.createStream("orders", 1);
    await put(other, 500);
    await other.call("GetRecords", { ShardIterator: await iterator(other) });
    expect(processes.asked).toEqual({});
  });
});

describe("a consumer has one subscription to a shard", () => {
  test("whichever process it comes to", async () => {
    const {
      clock,
      services: [one, other],
    } = await twoServices();
    const { StreamDescriptionSummary } = await one.call("DescribeStreamSummary", { StreamName: "orders" });
    const { Consumer } = await one.call("RegisterStreamConsumer", {
      StreamARN: StreamDescriptionSummary.StreamARN,
      ConsumerName: "reader",
    });
    await clock.advance(100);
    const asked = {
      ConsumerARN: Consumer.ConsumerARN,
      ShardId: "shardId-000000000000",
      StartingPosition: { Type: "LATEST" },
    } as const;
    const first = (await one.call("SubscribeToShard", asked)).EventStream;
    const next = first[Symbol.asyncIterator]().next();
    await clock.advance(1_000);
    expect((await other.failureOf("SubscribeToShard", asked)).code).toBe("ResourceInUseException");
    await clock.advance(4_000);
    await next;
    const replaced = first[Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    const second = (await other.call("SubscribeToShard", asked)).EventStream;
    expect(await replaced).toMatchObject({ code: "ResourceInUseException" });
    expect((await one.failureOf("SubscribeToShard", asked)).code).toBe("ResourceInUseException");
    await second[Symbol.asyncIterator]().return?.();
  });
});
