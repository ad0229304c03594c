import { gunzipSync } from "node:zlib";
import { createKinesisClient, TransportError } from "@millrace/client";
import { readAggregatedRecord } from "@millrace/model";
import { seededRandom, type SimulatedClock, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { FakeKinesis, ServiceFault } from "./fake-kinesis.ts";
import { createProducer, type Producer, type ProducerOptions, type RecordToPut } from "./index.ts";

interface Setup {
  readonly kinesis: FakeKinesis;
  readonly clock: SimulatedClock;
  readonly producer: Producer;
}

function setup(options: Partial<ProducerOptions> = {}, kinesis = new FakeKinesis()): Setup {
  const clock = simulatedClock();
  const random = seededRandom(1);
  const client = createKinesisClient({ transport: kinesis, clock, random });
  return {
    kinesis,
    clock,
    producer: createProducer({ client, stream: "clicks", clock, random, ...options }),
  };
}

const record = (partitionKey: string, data: RecordToPut["data"] = partitionKey): RecordToPut => ({
  partitionKey,
  data,
});
const recordsOf = (count: number, data = "x".repeat(100)): RecordToPut[] =>
  Array.from({ length: count }, (_, index) => record(`key ${index}`, `${index} ${data}`));

/** Lets a producer see its stream, so that what follows is only about what is put then. */
async function warmUp({ clock, producer, kinesis }: Setup): Promise<void> {
  await clock.finish(producer.putAll([record("warm", "up")]));
  await clock.runFor(1_000);
  kinesis.requests.length = 0;
  kinesis.records.length = 0;
  kinesis.calls.length = 0;
}

const refused = () => {
  throw new TransportError("refused", { code: "ECONNREFUSED" });
};
const onlyPuts = (act: () => void | Promise<void>) => (operation: string) =>
  operation === "PutRecords" ? act() : undefined;

describe("time", () => {
  test("in fractions of a millisecond keeps no record waiting for ever", async () => {
    const { clock, producer } = setup({ aggregation: false, lingerMs: 100 });
    const random = seededRandom(3);
    for (let step = 1; step <= 300; step += 1) {
      await clock.finish(clock.sleep(random.fraction() * 10));
      const { result } = await producer.put(record(`key ${step}`));
      expect(await clock.finish(result)).toMatchObject({ attemptCount: 1 });
    }
  });
});

describe("a batch that is offered", () => {
  test("is taken over whole or not at all, keeps its place, and tells when all of it is stored", async () => {
    const { clock, producer, kinesis } = setup({ queuedRecordCountMax: 5, aggregation: false, lingerMs: 50 });
    const stored = producer.offerAll([record("a", "1"), record("b", "2"), record("c", "3")]);
    expect(producer.offerAll([record("a", "4"), record("b", "5"), record("c", "6")])).toBeUndefined();
    expect(producer.metrics().acceptedCount).toBe(3);
    expect(() => producer.offerAll([record("a", "7"), record("", "8")])).toThrow(TypeError);
    const more = producer.offerAll([record("d", "9")]);
    expect(await clock.finish(stored!)).toEqual({ storedCount: 3, failedCount: 0, failures: [] });
    await clock.finish(more!);
    expect(kinesis.seen().map(({ data }) => data)).toEqual(["1", "2", "3", "9"]);
    expect(await producer.offerAll([])).toEqual({ storedCount: 0, failedCount: 0, failures: [] });
  });
});

describe("a put", () => {
  test("tells where the record was stored, and how", async () => {
    const { clock, producer, kinesis } = setup({ lingerMs: 50 });
    const accepted = await producer.put(record("ana", "page 1"));
    const result = await clock.finish(accepted.result);
    expect(result).toMatchObject({
      shardId: "shardId-000000000000",
      sequenceNumber: "1000000",
      subSequenceNumber: undefined,
      attemptCount: 1,
      attempts: [{ delayMs: 50, durationMs: 0, isSuccess: true, errorCode: undefined }],
    });
    expect(kinesis.seen()).toMatchObject([{ partitionKey: "ana", data: "page 1" }]);
    expect(await accepted.result).toBe(result);
  });

  test.each([
    [{ partitionKey: "", data: "x" }, "a partition key has 1 to 256 characters, not 0"],
    [{ partitionKey: "k".repeat(257), data: "x" }, "not 257"],
    [{ partitionKey: "k", data: "x", explicitHashKey: "01" }, '"01" is no explicit hash key'],
    [{ partitionKey: "k", data: "x", explicitHashKey: (1n << 128n).toString() }, "no explicit hash key"],
    [{ partitionKey: "k", data: new Uint8Array(10_485_760) }, "not 10485761"],
  ])("that nobody could store is refused: %#", async (wrong, message) => {
    const { producer } = setup();
    await expect(producer.put(wrong)).rejects.toThrow(message);
    expect(() => producer.offer(wrong)).toThrow(TypeError);
  });

  test("of more bytes than the stream takes is refused once the stream is known", async () => {
    const one = setup();
    await warmUp(one);
    await expect(one.producer.put(record("k", new Uint8Array(1_048_576)))).rejects.toThrow(
      "at most 1048576 bytes",
    );
  });
});

describe("a batch", () => {
  test("gathers for lingerMs and not longer", async () => {
    const one = setup({ lingerMs: 100, aggregation: false });
    await warmUp(one);
    const { clock, producer, kinesis } = one;
    producer.offer(record("a"));
    await clock.runFor(60);
    producer.offer(record("b"));
    await clock.runFor(39);
    expect(kinesis.requests).toHaveLength(0);
    await clock.runFor(1);
    expect(kinesis.requests.map(({ Records }) => Records.length)).toEqual([2]);
  });

  test("goes as soon as a request has 500 records", async () => {
    const one = setup({ lingerMs: 1_000, aggregation: false });
    await warmUp(one);
    for (const next of recordsOf(500)) one.producer.offer(next);
    await one.clock.runFor(1);
    expect(one.kinesis.requests.map(({ Records }) => Records.length)).toEqual([500]);
  });

  test("has no more records and bytes than a request may have", async () => {
    const one = setup({
      aggregation: false,
      requestRecordCountMax: 7,
      requestSizeBytesMax: 1_000,
      shardRateShare: Infinity,
    });
    const sizes = [1, 990, 5, 1_500, 300, 300, 300, 300, ...Array.from({ length: 40 }, () => 3)];
    await one.clock.finish(
      one.producer.putAll(sizes.map((size, at) => record(String(at % 10), "x".repeat(size)))),
    );
    expect(one.kinesis.seen()).toHaveLength(sizes.length);
    for (const { Records } of one.kinesis.requests) {
      expect(Records.length).toBeLessThanOrEqual(7);
      const sizeBytes = Records.reduce((sum, entry) => sum + 1 + Buffer.from(entry.Data, "base64").length, 0);
      if (Records.length > 1) expect(sizeBytes).toBeLessThanOrEqual(1_000);
    }
  });

  test("of lanes that fall due one after the other is shared from half of the linger on", async () => {
    const one = setup({ lingerMs: 100, aggregation: true }, new FakeKinesis(2));
    await warmUp(one);
    const place = (half: 0 | 1) => (half === 0 ? "0" : (1n << 127n).toString());
    one.producer.offer({ ...record("a"), explicitHashKey: place(0) });
    await one.clock.runFor(40);
    one.producer.offer({ ...record("b"), explicitHashKey: place(1) });
    await one.clock.runFor(60);
    expect(one.kinesis.requests.map(({ Records }) => Records.length)).toEqual([2]);
  });
});

describe("aggregation", () => {
  test("packs what goes to one shard into one record that is placed by its first user record", async () => {
    const one = setup({}, new FakeKinesis(4));
    await warmUp(one);
    const summary = await one.clock.finish(one.producer.putAll(recordsOf(200)));
    expect(summary).toEqual({ storedCount: 200, failedCount: 0, failures: [] });
    expect(one.kinesis.records).toHaveLength(4);
    for (const { partitionKey, explicitHashKey, data } of one.kinesis.records) {
      const [first] = readAggregatedRecord(data) ?? [];
      expect({ partitionKey, explicitHashKey }).toEqual({
        partitionKey: first?.partitionKey,
        explicitHashKey: first?.explicitHashKey,
      });
    }
    expect(new Set(one.kinesis.seen().map(({ data }) => data)).size).toBe(200);
  });

  test("keeps explicit hash keys, and tells each record its place", async () => {
    const one = setup();
    await warmUp(one);
    const accepted = await Promise.all([
      one.producer.put(record("a", "1")),
      one.producer.put({ ...record("b", "2"), explicitHashKey: "77" }),
      one.producer.put(record("a", "3")),
    ]);
    const results = await one.clock.finish(Promise.all(accepted.map(({ result }) => result)));
    expect(results.map(({ subSequenceNumber }) => subSequenceNumber)).toEqual([0, 1, 2]);
    const userRecords = readAggregatedRecord(one.kinesis.records[0]!.data);
    expect(userRecords?.map(({ explicitHashKey }) => explicitHashKey)).toEqual([undefined, "77", undefined]);
  });

  test("may fill the largest record that every stream takes, with the longest key", async () => {
    const one = setup({ aggregateSizeBytesMax: 1_047_552, lingerMs: 10, shardRateShare: Infinity });
    await warmUp(one);
    const key = "€".repeat(256);
    for (let count = 0; count < 30_000; count += 1) one.producer.offer(record(key, "x".repeat(60)));
    await one.clock.finish(one.producer.flush());
    const sizes = one.kinesis.records.map(
      ({ data, partitionKey }) => data.length + Buffer.byteLength(partitionKey),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(1_040_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_048_576);
  });

  test("leaves a lone record, and one larger than an aggregate, as they are", async () => {
    const one = setup({ aggregateSizeBytesMax: 500 });
    await warmUp(one);
    await one.clock.finish(one.producer.putAll([record("a", "x".repeat(600)), record("b", "alone")]));
    expect(one.kinesis.records.map(({ partitionKey, data }) => [partitionKey, data.length])).toEqual([
      ["a", 600],
      ["b", 5],
    ]);
  });

  test("fills records up to their bound in bytes and in user records", async () => {
    const bytes = setup({ aggregateSizeBytesMax: 2_000 });
    await bytes.clock.finish(bytes.producer.putAll(recordsOf(100)));
    for (const { data } of bytes.kinesis.records) expect(data.length).toBeLessThanOrEqual(2_000);
    expect(bytes.kinesis.records.length).toBeLessThan(12);
    const counted = setup({ aggregateRecordCountMax: 10 });
    await counted.clock.finish(counted.producer.putAll(recordsOf(100)));
    expect(counted.kinesis.records.map(({ data }) => readAggregatedRecord(data)?.length)).toEqual(
      Array.from({ length: 10 }, () => 10),
    );
  });

  test("does not happen where the service distributes records by itself", async () => {
    const kinesis = new FakeKinesis(2);
    kinesis.isAutomatic = true;
    const one = setup({}, kinesis);
    await one.clock.finish(one.producer.putAll(recordsOf(600)));
    expect(kinesis.records).toHaveLength(600);
    expect(kinesis.calls.filter((call) => call === "ListShards")).toEqual([]);
  });

  test("ends when the service begins to distribute, and comes back when it ends", async () => {
    const one = setup({}, new FakeKinesis(2));
    await warmUp(one);
    one.kinesis.isAutomatic = true;
    await one.clock.finish(one.producer.putAll(recordsOf(50)));
    await one.clock.finish(one.producer.putAll(recordsOf(50)));
    expect(one.kinesis.records.slice(-50).every(({ partitionKey }) => partitionKey.startsWith("key"))).toBe(
      true,
    );
    expect(one.producer.metrics().errorCounts).toEqual({});
    one.kinesis.isAutomatic = false;
    await one.clock.runFor(60_000);
    await one.clock.finish(one.producer.putAll(recordsOf(50)));
    one.kinesis.records.length = 0;
    await one.clock.finish(one.producer.putAll(recordsOf(50)));
    expect(one.kinesis.records).toHaveLength(2);
  });

  test("and foretelling are left out for those who may not list shards", async () => {
    const one = setup({}, new FakeKinesis(2));
    one.kinesis.before = (operation) => {
      if (operation !== "PutRecords") throw new ServiceFault("AccessDeniedException");
    };
    await one.clock.finish(one.producer.putAll(recordsOf(50)));
    expect(one.kinesis.records).toHaveLength(50);
    expect(one.producer.metrics().shardCount).toBe(0);
  });
});

test("with gzip the data of each user record is one gzip member", async () => {
  const one = setup({ compression: "gzip" });
  await warmUp(one);
  await one.clock.finish(
    one.producer.putAll([record("a", "hello hello hello"), record("b", new Uint8Array(3))]),
  );
  const userRecords = readAggregatedRecord(one.kinesis.records[0]!.data) ?? [];
  expect(userRecords.map(({ data }) => gunzipSync(data).toString("latin1"))).toEqual([
    "hello hello hello",
    "\0\0\0",
  ]);
});

describe("a reshard", () => {
  test("makes all go again that were packed with one that strayed, so that the KCL sees each once", async () => {
    const one = setup();
    await warmUp(one);
    one.kinesis.split("shardId-000000000000");
    const keys = ["a", "b", "c", "d", "e", "f"];
    const accepted = await Promise.all(
      Array.from({ length: 60 }, (_, at) => one.producer.put(record(keys[at % 6]!, String(at)))),
    );
    const results = await one.clock.finish(Promise.all(accepted.map(({ result }) => result)));
    const seen = one.kinesis.seen();
    expect(seen).toHaveLength(60);
    for (const [at, result] of results.entries()) {
      expect(seen.find(({ data }) => data === String(at))).toMatchObject({
        shardId: result.shardId,
        sequenceNumber: result.sequenceNumber,
      });
    }
    for (const { attempts } of results) {
      expect(attempts.map(({ errorCode }) => errorCode)).toEqual(["WrongShard", undefined]);
    }
    expect(one.producer.metrics()).toMatchObject({ shardCount: 2, errorCounts: { WrongShard: 1 } });
  });

  test("by a merge loses nothing and repeats nothing", async () => {
    const one = setup({}, new FakeKinesis(2));
    await warmUp(one);
    one.kinesis.merge("shardId-000000000000", "shardId-000000000001");
    await one.clock.finish(one.producer.putAll(recordsOf(40)));
    expect(one.kinesis.seen()).toHaveLength(40);
    expect(one.producer.metrics().shardCount).toBe(1);
  });

  test("and another right after it are told apart by all shards that are kept", async () => {
    const one = setup();
    await warmUp(one);
    let puts = 0;
    one.kinesis.before = (operation) => {
      // The record lands in a child that is closed again before anybody has seen it.
      if (operation === "DescribeStreamSummary" && puts === 1) {
        one.kinesis.split("shardId-000000000001");
        one.kinesis.split("shardId-000000000002");
      }
      if (operation === "PutRecords") puts += 1;
    };
    one.kinesis.split("shardId-000000000000");
    await one.clock.finish(one.producer.putAll(recordsOf(80)));
    expect(
      one.kinesis
        .seen()
        .map(({ data }) => data)
        .toSorted(),
    ).toEqual(
      recordsOf(80)
        .map(({ data }) => String(data))
        .toSorted(),
    );
  });

  test("is noticed by the answer to a single record, which is not put twice", async () => {
    const one = setup();
    await warmUp(one);
    one.kinesis.split("shardId-000000000000");
    await one.clock.finish(one.producer.putAll([record("a")]));
    await one.clock.runFor(1_000);
    await one.clock.finish(one.producer.putAll([record("a")]));
    expect(one.kinesis.records).toHaveLength(2);
    expect(one.producer.metrics().shardCount).toBe(2);
  });
});

describe("close and flush", () => {
  test("a flush sends at once and resolves when all that was accepted is stored", async () => {
    const one = setup({ lingerMs: 10_000 });
    await warmUp(one);
    const beganMs = one.clock.monotonicMs();
    one.producer.offer(record("a"));
    await one.clock.finish(one.producer.flush());
    expect(one.clock.monotonicMs()).toBe(beganMs);
    expect(one.kinesis.seen()).toHaveLength(1);
    await one.clock.finish(one.producer.flush());
  });

  test("a flush waits for what a flush before it waits for", async () => {
    const one = setup({ lingerMs: 0 });
    await warmUp(one);
    one.kinesis.before = onlyPuts(() => one.clock.sleep(500));
    one.producer.offer(record("a"));
    const order: string[] = [];
    const first = one.producer.flush().then(() => order.push("first"));
    const second = one.producer.flush().then(() => order.push("second"));
    await one.clock.runFor(400);
    expect(order).toEqual([]);
    await one.clock.finish(Promise.all([first, second]));
    expect(order).toEqual(["first", "second"]);
  });

  test("a close stores what was accepted and what waits for room, then refuses, and leaves no timer", async () => {
    const one = setup({ queuedRecordCountMax: 2, lingerMs: 5_000 });
    const puts = recordsOf(5).map((next) => one.producer.put(next));
    await one.clock.runFor(1);
    expect(one.producer.metrics()).toMatchObject({ queuedRecordCount: 2, waitingPutCount: 3 });
    await one.clock.finish(one.producer.close());
    expect((await Promise.all(puts)).length).toBe(5);
    expect(one.kinesis.seen()).toHaveLength(5);
    await expect(one.producer.put(record("late"))).rejects.toThrow("the producer is closed");
    expect(() => one.producer.offer(record("late"))).toThrow("the producer is closed");
    await expect(one.producer.ready()).rejects.toThrow("the producer is closed");
    await one.clock.runFor(1);
    expect(one.clock.pendingCount).toBe(0);
  });

  test("a close with a time gives up what is left then", async () => {
    const one = setup({ queuedRecordCountMax: 1, recordTtlMs: Infinity });
    one.kinesis.before = refused;
    const accepted = await one.producer.put(record("a"));
    const waiting = expect(one.producer.put(record("b"))).rejects.toThrow("the producer is closed");
    await one.clock.finish(one.producer.close({ timeoutMs: 60_000 }));
    await waiting;
    await expect(accepted.result).rejects.toMatchObject({ code: "ProducerClosed" });
    await one.clock.runFor(60_000);
    expect(one.clock.pendingCount).toBe(0);
  });

  test("a close breaks off a request that has no answer when its time is over", async () => {
    const one = setup({ requestTimeoutMs: 100_000, recordTtlMs: Infinity });
    await warmUp(one);
    one.kinesis.before = onlyPuts(() => new Promise(() => undefined));
    const accepted = await one.producer.put(record("a"));
    await one.clock.finish(one.producer.close({ timeoutMs: 1_000 }));
    await expect(accepted.result).rejects.toMatchObject({ code: "ProducerClosed", attemptCount: 1 });
  });
});
