/** The consumer against the service itself, in this process: encoded requests, the limits of AWS, fan-out, resharding. */
import { kinesis, ServiceError } from "@millrace/api";
import { createKinesisClient, inProcessTransport, type KinesisClient } from "@millrace/client";
import { memoryEngine } from "@millrace/log";
import { MemoryBudget, memoryLogger, seededRandom, serviceClock, simulatedClock } from "@millrace/runtime";
import { createStreams } from "@millrace/streams";
import { callersFromHeaders, createService, type Handlers } from "@millrace/wire";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Consumer,
  type ConsumerOptions,
  createConsumer,
  fanOut,
  memoryLeaseStore,
  polling,
  type Retrieval,
} from "./index.ts";

type World = Awaited<ReturnType<typeof world>>;
let it: World;
beforeEach(async () => {
  it = await world();
});
afterEach(() => it.end());

async function world() {
  const clock = simulatedClock();
  const random = seededRandom(1);
  const served = serviceClock(clock);
  const log = memoryLogger();
  const engine = memoryEngine({ clock: served });
  const memory = new MemoryBudget(1e8);
  const streams = await createStreams({ clock: served, random, secrets: random, log, engine, memory }, {});
  const service = createService({
    contract: kinesis,
    handlers: streams.handlers as Handlers<typeof kinesis>,
    callers: callersFromHeaders({}),
    clock,
    random,
    log,
  });
  const client = createKinesisClient({ transport: inProcessTransport(service), clock, random });
  const leaseStore = memoryLeaseStore();
  const consumers: Consumer[] = [];
  return {
    clock,
    client,
    leaseStore,
    log,
    consumer(options: Partial<ConsumerOptions> = {}): Consumer {
      const consumer = createConsumer({
        client,
        applicationName: "app",
        streams: ["orders"],
        leaseStore,
        clock,
        random,
        log,
        shardSyncIntervalMs: 10_000,
        ...options,
      });
      consumers.push(consumer);
      return consumer;
    },
    async createStream(name: string, shardCount: number): Promise<void> {
      await clock.finish(client.createStream({ StreamName: name, ShardCount: shardCount }));
      await clock.runFor(100);
    },
    put: (texts: readonly string[], stream = "orders") => clock.finish(put(client, texts, stream)),
    async end(): Promise<void> {
      await clock.finish(Promise.all(consumers.map((consumer) => consumer.stop())));
      await clock.finish(streams.close());
    },
  };
}

/** Each text is a record; what stands before its colon is the key. */
async function put(client: KinesisClient, texts: readonly string[], stream: string): Promise<void> {
  const Records = texts.map((text) => ({ PartitionKey: text.split(":")[0]!, Data: Buffer.from(text) }));
  const { FailedRecordCount } = await client.putRecords({ StreamName: stream, Records });
  expect(FailedRecordCount).toBe(0);
}

const textsOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `key-${(from + at) % 7}:${from + at}`);

/** Begins a worker whose handler keeps the texts that it sees. */
function listen(consumer: Consumer, seen: string[]): void {
  void consumer.run(({ data }) => void seen.push(Buffer.from(data).toString()));
}

const retrievals: Record<string, () => Retrieval> = { polling: () => polling(), "fan-out": () => fanOut() };

describe.each(Object.keys(retrievals))("with %s", (name) => {
  test("every record is handled once, in the order of its key, through a split and a merge", async () => {
    await it.createStream("orders", 2);
    const seen: string[] = [];
    listen(it.consumer({ retrieval: retrievals[name]!() }), seen);
    await it.put(textsOf(0, 100));
    await it.clock.runFor(10_000);
    await it.clock.finish(
      it.client.splitShard({
        StreamName: "orders",
        ShardToSplit: "shardId-000000000000",
        NewStartingHashKey: String(1n << 126n),
      }),
    );
    await it.clock.runFor(1_000);
    await it.put(textsOf(100, 200));
    await it.clock.finish(
      it.client.mergeShards({
        StreamName: "orders",
        ShardToMerge: "shardId-000000000003",
        AdjacentShardToMerge: "shardId-000000000001",
      }),
    );
    await it.clock.runFor(1_000);
    await it.put(textsOf(200, 300));
    await it.clock.runFor(60_000);

    expect(seen.toSorted()).toEqual(textsOf(0, 300).toSorted());
    for (let key = 0; key < 7; key += 1) {
      const numbers = seen
        .filter((text) => text.startsWith(`key-${key}:`))
        .map((text) => Number(text.slice(6)));
      expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    }
    expect((await it.leaseStore.list()).map((lease) => lease.leaseKey)).toContain("shardId-000000000004");
  });

  test("a worker that stops loses nothing, and the next goes on behind its checkpoint", async () => {
    await it.createStream("orders", 1);
    const seen: string[] = [];
    const first = it.consumer({ retrieval: retrievals[name]!() });
    listen(first, seen);
    await it.put(textsOf(0, 50));
    await it.clock.runFor(5_000);
    await it.clock.finish(first.stop());
    expect((await it.leaseStore.list())[0]!.leaseOwner).toBeUndefined();
    await it.put(textsOf(50, 60));
    listen(it.consumer({ retrieval: retrievals[name]!() }), seen);
    await it.clock.runFor(20_000);
    expect(seen).toEqual(textsOf(0, 60));
  });

  test("workers that come share the shards without interrupting anybody", async () => {
    await it.createStream("orders", 4);
    const seen: string[] = [];
    const workers = [1, 2].map(() => it.consumer({ retrieval: retrievals[name]!() }));
    listen(workers[0]!, seen);
    await it.clock.runFor(15_000);
    expect(workers[0]!.metrics().shards).toHaveLength(4);
    listen(workers[1]!, seen);
    await it.put(textsOf(0, 40));
    await it.clock.runFor(120_000);
    await it.put(textsOf(40, 80));
    await it.clock.runFor(10_000);
    expect(workers.map((worker) => worker.metrics().shards.length)).toEqual([2, 2]);
    expect(workers.map((worker) => worker.metrics().leases.lost)).toEqual([0, 0]);
    expect(workers[1]!.metrics().leases.received).toBe(2);
    expect(seen.toSorted()).toEqual(textsOf(0, 80).toSorted());
  });
});

describe("positions", () => {
  test("LATEST begins at the tip, and is kept through a reshard", async () => {
    await it.createStream("orders", 1);
    await it.put(textsOf(0, 10));
    const seen: string[] = [];
    listen(it.consumer({ initialPosition: "LATEST" }), seen);
    await it.clock.runFor(5_000);
    await it.put(textsOf(10, 20));
    const split = { StreamName: "orders", ShardToSplit: "shardId-000000000000" };
    await it.clock.finish(it.client.splitShard({ ...split, NewStartingHashKey: String(1n << 127n) }));
    await it.clock.runFor(500);
    await it.put(textsOf(20, 30));
    await it.clock.runFor(60_000);
    expect(seen.toSorted()).toEqual(textsOf(10, 30).toSorted());
  });

  test("a time begins with what arrived then or later", async () => {
    await it.createStream("orders", 2);
    await it.put(textsOf(0, 10));
    await it.clock.runFor(10_000);
    const timestamp = new Date(it.clock.nowMs());
    await it.put(textsOf(10, 20));
    await it.clock.runFor(10_000);
    const seen: string[] = [];
    listen(it.consumer({ initialPosition: { timestamp } }), seen);
    await it.clock.runFor(20_000);
    expect(seen.toSorted()).toEqual(textsOf(10, 20).toSorted());
  });

  test("from the beginning all generations of shards are read, parents before children", async () => {
    await it.createStream("orders", 1);
    await it.put(textsOf(0, 10));
    const split = { StreamName: "orders", ShardToSplit: "shardId-000000000000" };
    await it.clock.finish(it.client.splitShard({ ...split, NewStartingHashKey: String(1n << 127n) }));
    await it.clock.runFor(500);
    await it.put(textsOf(10, 20));
    const seen: string[] = [];
    listen(it.consumer(), seen);
    await it.clock.runFor(30_000);
    expect(seen.slice(0, 10)).toEqual(textsOf(0, 10));
    expect(seen.toSorted()).toEqual(textsOf(0, 20).toSorted());
    // The parent was finished and its children begun, so its lease was cleaned up.
    const keys = (await it.leaseStore.list()).map((lease) => lease.leaseKey);
    expect(keys.toSorted()).toEqual(["shardId-000000000001", "shardId-000000000002"]);
  });
});

test("several streams have leases that name them as the KCL does", async () => {
  await it.createStream("orders", 1);
  await it.createStream("clicks", 1);
  const created = await it.clock.finish(it.client.describeStreamSummary({ StreamName: "clicks" }));
  const seen: string[] = [];
  listen(it.consumer({ streams: ["orders", { stream: "clicks", initialPosition: "LATEST" }] }), seen);
  await it.put(["a:old"], "clicks");
  await it.clock.runFor(5_000);
  await it.put(["a:1"]);
  await it.put(["a:2"], "clicks");
  await it.clock.runFor(5_000);
  expect(seen.toSorted()).toEqual(["a:1", "a:2"]);
  const { StreamCreationTimestamp } = created.StreamDescriptionSummary;
  const keys = (await it.leaseStore.list()).map((lease) => lease.leaseKey);
  expect(keys).toContain(
    `000000000000:clicks:${Math.floor(StreamCreationTimestamp / 1_000)}:shardId-000000000000`,
  );
});

describe("polling", () => {
  const unpaced = polling({ callsPerSecondMax: Infinity, bytesPerSecondMax: Infinity });
  test.each([
    ["by itself stays below five calls and 2 MiB a second of a shard, however far behind", polling(), false],
    ["at its own pace is throttled, and reads everything all the same", unpaced, true],
  ])("%s", async (_name, retrieval, isThrottled) => {
    await it.createStream("orders", 1);
    for (let count = 0; count < 30; count += 1) {
      const Data = Buffer.alloc(900_000, count);
      await it.clock.finish(it.client.putRecord({ StreamName: "orders", PartitionKey: "a", Data }));
      await it.clock.runFor(1_000);
    }
    let count = 0;
    void it.consumer({ retrieval }).run(() => void (count += 1));
    await it.clock.runFor(60_000);
    expect(count).toBe(30);
    const throttles = it.log.lines.filter(({ fields }) =>
      String(fields["errorCode"]).startsWith("Provisioned"),
    );
    expect(throttles.length > 0).toBe(isThrottled);
  });

  test("finds its place again when its iterator has expired", async () => {
    await it.createStream("orders", 1);
    const seen: string[] = [];
    listen(it.consumer({ retrieval: polling({ idleMs: 310_000 }) }), seen);
    await it.put(textsOf(0, 5));
    await it.clock.runFor(5_000);
    await it.put(textsOf(5, 10));
    await it.clock.runFor(400_000);
    expect(seen).toEqual(textsOf(0, 10));
    expect(it.log.lines.some(({ message }) => message === "an iterator expired")).toBe(true);
  });

  test("at LATEST that has seen nothing skips nothing when its iterator has expired", async () => {
    await it.createStream("orders", 1);
    const seen: string[] = [];
    listen(it.consumer({ initialPosition: "LATEST", retrieval: polling({ idleMs: 310_000 }) }), seen);
    await it.clock.runFor(5_000);
    await it.put(textsOf(0, 5));
    await it.clock.runFor(400_000);
    expect(seen).toEqual(textsOf(0, 5));
  });
});

test("fan-out goes on when a subscription has ended after five minutes", async () => {
  await it.createStream("orders", 1);
  const seen: string[] = [];
  listen(it.consumer({ retrieval: fanOut() }), seen);
  for (let minute = 0; minute < 12; minute += 1) {
    await it.put([`a:${minute}`]);
    await it.clock.runFor(60_000);
  }
  expect(seen).toEqual(Array.from({ length: 12 }, (_, minute) => `a:${minute}`));
});

test("a worker for a stream that is not there says so", async () => {
  const failure = await it.clock.finish(
    it
      .consumer({ streams: ["nothing"] })
      .run(() => {})
      .catch((error: unknown) => error),
  );
  expect(failure).toBeInstanceOf(ServiceError);
  expect(failure).toMatchObject({ code: "ResourceNotFoundException" });
});

describe("iterating over shards", () => {
  test("gives batches, stores what is said to be processed, and the end of a shard", async () => {
    await it.createStream("orders", 1);
    await it.put(textsOf(0, 10));
    const seen: string[] = [];
    const consumer = it.consumer();
    const reading = (async () => {
      const loops: Promise<void>[] = [];
      for await (const shard of consumer.shards()) {
        loops.push(
          (async () => {
            for await (const batch of shard) {
              for (const { data } of batch.records) seen.push(Buffer.from(data).toString());
              await batch.checkpoint();
            }
          })(),
        );
      }
      await Promise.all(loops);
    })();
    await it.clock.runFor(5_000);
    expect((await it.leaseStore.list())[0]!.checkpoint.sequenceNumber).toMatch(/^49/);
    const split = { StreamName: "orders", ShardToSplit: "shardId-000000000000" };
    await it.clock.finish(it.client.splitShard({ ...split, NewStartingHashKey: String(1n << 127n) }));
    await it.clock.runFor(500);
    await it.put(textsOf(10, 20));
    await it.clock.runFor(40_000);
    expect(seen.toSorted()).toEqual(textsOf(0, 20).toSorted());
    await it.clock.finish(consumer.stop());
    await it.clock.finish(reading);
  });

  test("a shard that nobody iterates over goes to the worker that asks for it", async () => {
    await it.createStream("orders", 2);
    await it.put(textsOf(0, 20));
    const lazy = it.consumer();
    const found: string[] = [];
    const looking = (async () => {
      for await (const shard of lazy.shards()) found.push(shard.shardId);
    })();
    await it.clock.runFor(15_000);
    expect(found.toSorted()).toEqual(["shardId-000000000000", "shardId-000000000001"]);
    const busy = it.consumer();
    listen(busy, []);
    await it.clock.runFor(60_000);
    expect(busy.metrics().shards).toHaveLength(1);
    await it.clock.finish(lazy.stop());
    await it.clock.finish(looking);
    await it.clock.runFor(20_000);
    expect(busy.metrics().shards).toHaveLength(2);
  });

  test("is begun once, and not together with a handler", async () => {
    await it.createStream("orders", 1);
    const consumer = it.consumer();
    listen(consumer, []);
    await expect(consumer.run(() => {})).rejects.toThrow("this consumer has been started before");
  });

  test("a batch whose checkpoint was not stored comes again to the next worker", async () => {
    await it.createStream("orders", 1);
    await it.put(textsOf(0, 10));
    const consumer = it.consumer();
    const reading = (async () => {
      for await (const shard of consumer.shards()) {
        for await (const batch of shard) {
          await batch.checkpoint(batch.records[3]);
          break;
        }
        break;
      }
    })();
    await it.clock.runFor(5_000);
    await it.clock.finish(reading);
    await it.clock.finish(consumer.stop());
    const seen: string[] = [];
    listen(it.consumer(), seen);
    await it.clock.runFor(20_000);
    expect(seen).toEqual(textsOf(4, 10));
  });
});

describe("handlers that take long", () => {
  test("finish before the lease is handed over, and none of their records comes again", async () => {
    await it.createStream("orders", 2);
    const seen: string[] = [];
    const slow = it.consumer({ handOffTimeoutMs: 20_000 });
    void slow.run(
      async ({ data }) => {
        await it.clock.sleep(5_000);
        seen.push(Buffer.from(data).toString());
      },
      { concurrency: 10 },
    );
    const put = async (): Promise<void> => {
      for (let at = 0; at < 60; at += 1) {
        await it.put([`key-${at}:${at}`]);
        await it.clock.runFor(1_000);
      }
    };
    await it.clock.runFor(15_000);
    listen(it.consumer(), seen);
    await put();
    await it.clock.runFor(60_000);
    expect(slow.metrics().shards).toHaveLength(1);
    expect(slow.metrics().leases.lost).toBe(0);
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
  });

  test("do not keep a lease longer than the time for a hand-over; their records come again to the next", async () => {
    await it.createStream("orders", 1);
    const stuck = it.consumer({ handOffTimeoutMs: 5_000 });
    let release = (): void => {};
    void stuck.run(
      ({ data }) =>
        Buffer.from(data).toString() === "key-3:3"
          ? new Promise<void>((resolve) => void (release = resolve))
          : undefined,
      { concurrency: 4 },
    );
    await it.put(textsOf(0, 10));
    await it.clock.runFor(15_000);
    const stopped = stuck.stop();
    await it.clock.runFor(6_000);
    expect((await it.leaseStore.list())[0]!.leaseOwner).toBeUndefined();
    const seen: string[] = [];
    listen(it.consumer(), seen);
    await it.clock.runFor(15_000);
    expect(seen).toEqual(textsOf(3, 10));
    release();
    await it.clock.finish(stopped);
  });
});

test("a record that is retried for ever stops its shard at the bound, not the memory", async () => {
  await it.createStream("orders", 1);
  const worker = it.consumer({ recordsInFlightMax: 50, retrieval: polling({ recordCountMax: 10 }) });
  const seen: string[] = [];
  void worker.run(({ data }) => {
    const text = Buffer.from(data).toString();
    if (text === "key-0:0") throw new Error("never");
    seen.push(text);
  });
  await it.put(textsOf(0, 400));
  await it.clock.runFor(120_000);
  expect(worker.metrics().shards[0]!.recordsInFlight).toBeLessThan(60);
  expect(seen.length).toBeLessThan(60);
  expect((await it.leaseStore.list())[0]!.checkpoint.sequenceNumber).toBe("TRIM_HORIZON");
});

test("two workers of one application share a fan-out registration, and a subscription moves with its lease", async () => {
  await it.createStream("orders", 2);
  const seen: string[] = [];
  const workers = [1, 2].map(() => it.consumer({ retrieval: fanOut({ consumerName: "billing" }) }));
  for (const worker of workers) listen(worker, seen);
  await it.put(textsOf(0, 20));
  await it.clock.runFor(60_000);
  const { StreamDescriptionSummary: stream } = await it.clock.finish(
    it.client.describeStreamSummary({ StreamName: "orders" }),
  );
  const { Consumers } = await it.clock.finish(it.client.listStreamConsumers({ StreamARN: stream.StreamARN }));
  expect(Consumers?.map(({ ConsumerName }) => ConsumerName)).toEqual(["billing"]);
  await it.clock.finish(workers[0]!.stop());
  await it.put(textsOf(20, 40));
  await it.clock.runFor(60_000);
  expect(seen.toSorted()).toEqual(textsOf(0, 40).toSorted());
});

test("options that make no sense are refused", () => {
  expect(() => it.consumer({ leaseDurationMs: 0 })).toThrow("leaseDurationMs has to be above 0, not 0");
  expect(() => it.consumer({ streams: [] })).toThrow("a consumer needs a stream");
});
