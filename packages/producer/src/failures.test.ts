import { createKinesisClient, TransportError } from "@millrace/client";
import { seededRandom, type SimulatedClock, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { FakeKinesis, ServiceFault } from "./fake-kinesis.ts";
import {
  createProducer,
  type Producer,
  type ProducerOptions,
  PutFailedError,
  type RecordToPut,
} from "./index.ts";

interface Setup {
  readonly kinesis: FakeKinesis;
  readonly clock: SimulatedClock;
  readonly producer: Producer;
}

/** Shards have no rates here unless a test says so. */
function setup(options: Partial<ProducerOptions> = {}, kinesis = new FakeKinesis()): Setup {
  const clock = simulatedClock();
  const random = seededRandom(1);
  const client = createKinesisClient({ transport: kinesis, clock, random });
  const producer = createProducer({
    client,
    stream: "clicks",
    clock,
    random,
    shardRateShare: Infinity,
    ...options,
  });
  return { kinesis, clock, producer };
}

const record = (partitionKey: string, data: RecordToPut["data"] = partitionKey): RecordToPut => ({
  partitionKey,
  data,
});
const recordsOf = (count: number, data = "x".repeat(100)): RecordToPut[] =>
  Array.from({ length: count }, (_, index) => record(`key ${index}`, `${index} ${data}`));

const isDead = () => {
  throw new TransportError("refused", { code: "ECONNREFUSED" });
};

/** The first `count` PutRecords calls fail so. */
function firstPuts(count: number, fail: () => void | Promise<void>) {
  let left = count;
  return (operation: string) => {
    if (operation !== "PutRecords" || left === 0) return undefined;
    left -= 1;
    return fail();
  };
}

async function failureOf(promise: Promise<unknown>): Promise<PutFailedError> {
  const outcome = await promise.catch((reason: unknown) => reason);
  expect(outcome).toBeInstanceOf(PutFailedError);
  return outcome as PutFailedError;
}

describe("a record", () => {
  test("is tried again with growing, drawn delays until it is stored, and tells of every attempt", async () => {
    const { kinesis, clock, producer } = setup({ lingerMs: 0 });
    kinesis.before = firstPuts(4, () => {
      throw new ServiceFault("InternalFailureException", "later");
    });
    const accepted = await producer.put(record("a"));
    const { attempts, attemptCount } = await clock.finish(accepted.result);
    expect(attemptCount).toBe(5);
    expect(attempts.map(({ errorCode }) => errorCode)).toEqual([
      ...Array.from({ length: 4 }, () => "InternalFailureException"),
      undefined,
    ]);
    expect(attempts[0]!.errorMessage).toBe("later");
    for (const [retry, { delayMs }] of attempts.slice(1).entries()) {
      expect(delayMs).toBeGreaterThanOrEqual(50 * 2 ** retry);
      expect(delayMs).toBeLessThanOrEqual(150 * 2 ** retry + 1);
    }
    expect(kinesis.seen()).toHaveLength(1);
  });

  test("that is throttled alone goes again alone", async () => {
    const { kinesis, clock, producer } = setup({ aggregation: false });
    let isFirst = true;
    kinesis.refuse = ({ PartitionKey }) => {
      if (PartitionKey !== "key 7" || !isFirst) return undefined;
      isFirst = false;
      return "ProvisionedThroughputExceededException";
    };
    expect(await clock.finish(producer.putAll(recordsOf(10)))).toMatchObject({ storedCount: 10 });
    expect(kinesis.records).toHaveLength(10);
    expect(kinesis.records.at(-1)?.partitionKey).toBe("key 7");
    expect(producer.metrics()).toMatchObject({
      retriedCount: 1,
      errorCounts: { ProvisionedThroughputExceededException: 1 },
    });
  });

  test("fails at its first throttle where that is asked for", async () => {
    const { kinesis, clock, producer } = setup({ failOnThrottled: true });
    kinesis.refuse = () => "ProvisionedThroughputExceededException";
    const failure = await clock.finish(failureOf((await producer.put(record("a"))).result));
    expect(failure).toMatchObject({ code: "ProvisionedThroughputExceededException", attemptCount: 1 });
    kinesis.refuse = () => "InternalFailure";
    const other = await producer.put(record("b"));
    await clock.runFor(1_000);
    kinesis.refuse = () => undefined;
    expect((await clock.finish(other.result)).attemptCount).toBeGreaterThan(1);
  });

  test("without an answer is given up for lost and put again, so that it may be there twice but never not", async () => {
    const { kinesis, clock, producer } = setup({ requestTimeoutMs: 2_000 });
    kinesis.before = firstPuts(1, () => new Promise(() => undefined));
    const accepted = await producer.put(record("a"));
    const { attempts } = await clock.finish(accepted.result);
    expect(attempts[0]).toMatchObject({ errorCode: "DeadlineExceeded", durationMs: 2_000 });
    expect(kinesis.seen()).toHaveLength(1);
  });

  test("expires with all its attempts told, and with the bytes that were not stored", async () => {
    const failures: PutFailedError[] = [];
    const one = setup({ recordTtlMs: 5_000, onFailure: (failure) => failures.push(failure) });
    await one.clock.finish(one.producer.putAll([record("warm")]));
    one.kinesis.before = isDead;
    const accepted = await one.producer.put(record("a", "page"));
    const beganMs = one.clock.monotonicMs();
    const failure = await one.clock.finish(failureOf(accepted.result));
    expect(one.clock.monotonicMs() - beganMs).toBe(5_000);
    expect(failure).toMatchObject({ code: "RecordExpired", partitionKey: "a" });
    expect(failure.message).toMatch(/^the record was not stored within 5000 ms: ConnectionFailed: /);
    expect(Buffer.from(failure.data).toString()).toBe("page");
    expect(failure.attemptCount).toBeGreaterThan(3);
    expect(failure.attempts).toHaveLength(failure.attemptCount);
    expect(new Set(failure.attempts.map(({ errorCode }) => errorCode))).toEqual(
      new Set(["ConnectionFailed"]),
    );
    expect(failures).toEqual([failure]);
  });

  test("of a stream that does not exist says so when it expires", async () => {
    const one = setup({ recordTtlMs: 1_000 });
    one.kinesis.before = () => {
      throw new ServiceFault("ResourceNotFoundException", "Stream clicks not found.");
    };
    const failure = await one.clock.finish(failureOf((await one.producer.put(record("a"))).result));
    expect(failure.message).toContain("ResourceNotFoundException: Stream clicks not found.");
  });

  test("that never expires outlasts an outage of a day, with a bounded memory of its attempts", async () => {
    const one = setup({ recordTtlMs: Infinity, retryDelayMs: 1_000, retryDelayMsMax: 60_000 });
    await one.clock.finish(one.producer.putAll([record("warm")]));
    one.kinesis.before = isDead;
    const accepted = await one.producer.put(record("a"));
    await one.clock.runFor(86_400_000);
    one.kinesis.before = () => undefined;
    const { attempts, attemptCount } = await one.clock.finish(accepted.result);
    expect(attemptCount).toBeGreaterThan(900);
    expect(attempts).toHaveLength(32);
    expect(attempts.at(-1)?.isSuccess).toBe(true);
  });

  test("that the service refuses for its content fails alone; those that went with it are stored", async () => {
    const one = setup({ aggregateSizeBytesMax: 1_000 });
    await one.clock.finish(one.producer.putAll([record("warm")]));
    one.kinesis.before = (operation, body) => {
      const { Records = [] } = body as { Records?: { Data: string }[] };
      if (operation === "PutRecords" && Records.some(({ Data }) => Data.length > 2_000)) {
        throw new ServiceFault("InvalidArgumentException", "too large");
      }
    };
    const large = await one.producer.put(record("large", "x".repeat(3_000)));
    const others = await Promise.all(recordsOf(20).map((next) => one.producer.put(next)));
    expect(await one.clock.finish(failureOf(large.result))).toMatchObject({
      code: "InvalidArgumentException",
      message: "too large",
    });
    await one.clock.finish(Promise.all(others.map(({ result }) => result)));
    expect(one.kinesis.seen()).toHaveLength(21);
  });

  test("that fails unseen is no unhandled rejection, and can be asked for later", async () => {
    const one = setup({ recordTtlMs: 100 });
    one.kinesis.before = isDead;
    const [seen, unseen] = [await one.producer.put(record("a")), one.producer.offer(record("b"))];
    const early = seen.result;
    await one.clock.runFor(1_000);
    await failureOf(early);
    await failureOf(unseen!.result);
  });
});

test("what onFailure throws reaches the process, and the producer goes on", async () => {
  const one = setup({
    recordTtlMs: 100,
    onFailure: () => {
      throw new Error("of the user");
    },
  });
  one.kinesis.before = isDead;
  one.producer.offer(record("a"));
  await expect(one.clock.runFor(1_000)).rejects.toThrow("of the user");
  one.kinesis.before = () => undefined;
  expect(await one.clock.finish(one.producer.putAll([record("b")]))).toMatchObject({ storedCount: 1 });
});

describe("a shard's rate", () => {
  const perSecond = (kinesis: FakeKinesis, times: number[], weigh: (sizeBytes: number) => number) => {
    const seconds = new Map<number, number>();
    for (const { requestNumber, data, partitionKey } of kinesis.records) {
      const second = Math.floor(times[requestNumber]! / 1_000);
      seconds.set(second, (seconds.get(second) ?? 0) + weigh(data.length + partitionKey.length));
    }
    return [...seconds.values()];
  };

  function timed(options: Partial<ProducerOptions>) {
    const one = setup(options);
    const times: number[] = [];
    one.kinesis.before = (operation) => {
      if (operation === "PutRecords") times.push(one.clock.monotonicMs());
    };
    return { ...one, times };
  }

  test("in bytes is kept to the share that is given, after a burst of one second", async () => {
    const { kinesis, clock, producer, times } = timed({ shardRateShare: 0.5 });
    await clock.finish(producer.putAll(recordsOf(4_000, "x".repeat(1_000))));
    const rates = perSecond(kinesis, times, (sizeBytes) => sizeBytes);
    expect(Math.max(...rates)).toBeLessThanOrEqual(2 * 524_288);
    expect(Math.max(...rates.slice(1))).toBeLessThanOrEqual(524_288 + 51_200);
    expect(rates.length).toBeGreaterThanOrEqual(7);
    expect(clock.monotonicMs()).toBeLessThan(9_000);
  });

  test("in records is kept where nothing is aggregated", async () => {
    const { kinesis, clock, producer, times } = timed({ shardRateShare: 1, aggregation: false });
    await clock.finish(producer.putAll(recordsOf(5_000, "")));
    const rates = perSecond(kinesis, times, () => 1);
    expect(Math.max(...rates)).toBeLessThanOrEqual(2_001);
    expect(Math.max(...rates.slice(1))).toBeLessThanOrEqual(1_001);
    expect(clock.monotonicMs()).toBeLessThan(6_000);
  });

  test("lets a record through that is larger than a second's share", async () => {
    const one = setup({ shardRateShare: 0.1 });
    await one.clock.finish(
      one.producer.putAll(Array.from({ length: 4 }, () => record("a", new Uint8Array(900_000)))),
    );
    expect(one.kinesis.records).toHaveLength(4);
    expect(one.clock.monotonicMs()).toBeGreaterThan(20_000);
  });
});

test("who puts without a pause lets answers and timers have their turn", async () => {
  const one = setup({ lingerMs: 0 });
  await one.clock.finish(one.producer.putAll([record("warm")]));
  let storedAtTheEnd = 0;
  const putting = (async () => {
    for (const next of recordsOf(3_000)) await one.producer.put(next);
    storedAtTheEnd = one.producer.metrics().storedCount;
  })();
  await one.clock.finish(putting);
  expect(storedAtTheEnd).toBeGreaterThanOrEqual(1_000);
});

test("many requests at once are not taken for a leak of listeners", async () => {
  const one = setup({
    aggregation: false,
    order: "none",
    requestRecordCountMax: 1,
    requestCountMax: 40,
    lingerMs: 0,
  });
  await one.clock.finish(one.producer.putAll([record("warm")]));
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  one.kinesis.before = () => one.clock.sleep(100);
  const putting = one.producer.putAll(recordsOf(100));
  await one.clock.runFor(50);
  expect(one.producer.metrics().requestsInFlight).toBe(40);
  await one.clock.finish(putting);
  process.off("warning", warned);
  expect(warnings).toEqual([]);
});

test("a look at the stream that is never answered is given up like any request", async () => {
  const one = setup({ requestTimeoutMs: 1_000, recordTtlMs: Infinity });
  one.kinesis.before = () => new Promise(() => undefined);
  const accepted = await one.producer.put(record("a"));
  await one.clock.runFor(5_000);
  one.kinesis.before = () => undefined;
  const beganMs = one.clock.monotonicMs();
  await one.clock.finish(accepted.result);
  expect(one.clock.monotonicMs() - beganMs).toBeLessThan(4_000);
});

describe("back-pressure", () => {
  test("a dead endpoint fills the queue to its bound and no further; puts wait in line and get in, in order", async () => {
    const one = setup({ queuedBytesMax: 10_000, recordTtlMs: Infinity });
    one.kinesis.before = isDead;
    let acceptedCount = 0;
    const putting = (async () => {
      for (const next of recordsOf(1_000)) {
        await one.producer.put(next);
        acceptedCount += 1;
      }
    })();
    await one.clock.runFor(3_600_000);
    const { queuedBytes, queuedRecordCount, waitingPutCount } = one.producer.metrics();
    expect(queuedBytes).toBeLessThanOrEqual(10_000);
    expect(queuedBytes).toBeGreaterThan(9_000);
    expect(waitingPutCount).toBe(1);
    expect(acceptedCount).toBe(queuedRecordCount);
    expect(one.producer.offer(record("no room"))).toBeUndefined();
    one.kinesis.before = () => undefined;
    await one.clock.finish(putting);
    await one.clock.finish(one.producer.close());
    expect(one.kinesis.seen().map(({ partitionKey }) => partitionKey)).toEqual(
      recordsOf(1_000).map(({ partitionKey }) => partitionKey),
    );
  });

  test("an offer without room is told when there is some", async () => {
    const one = setup({ queuedRecordCountMax: 3 });
    let offeredCount = 0;
    const offering = (async () => {
      for (const next of recordsOf(50)) {
        while (one.producer.offer(next) === undefined) await one.producer.ready();
        offeredCount += 1;
        expect(one.producer.metrics().queuedRecordCount).toBeLessThanOrEqual(3);
      }
    })();
    await one.clock.finish(offering);
    await one.clock.finish(one.producer.flush());
    expect(one.kinesis.seen()).toHaveLength(offeredCount);
  });

  test("a record larger than the whole queue gets in when there is nothing else", async () => {
    const one = setup({ queuedBytesMax: 100 });
    await one.clock.finish(one.producer.putAll([record("a"), record("b", new Uint8Array(500)), record("c")]));
    expect(one.kinesis.seen().map(({ partitionKey }) => partitionKey)).toEqual(["a", "b", "c"]);
  });

  test("holds back an async iterable and a stream that is piped in", async () => {
    const one = setup({ queuedRecordCountMax: 10 });
    let producedCount = 0;
    async function* source() {
      for (const next of recordsOf(100)) {
        producedCount += 1;
        expect(producedCount - one.producer.metrics().storedCount).toBeLessThanOrEqual(12);
        yield next;
      }
    }
    expect(await one.clock.finish(one.producer.putAll(source()))).toMatchObject({ storedCount: 100 });
    producedCount = 100;
    await one.clock.finish(ReadableStream.from(source()).pipeTo(one.producer.writable()));
    expect(one.kinesis.seen()).toHaveLength(200);
  });
});

test("a stream that is piped in fails with the first record that fails", async () => {
  const one = setup({ recordTtlMs: 500 });
  one.kinesis.before = isDead;
  const piping = ReadableStream.from(recordsOf(3)).pipeTo(one.producer.writable());
  await expect(one.clock.finish(piping)).rejects.toMatchObject({ code: "RecordExpired" });
});

test("putAll tells how many failed, and why", async () => {
  const one = setup({ failOnThrottled: true, aggregation: false });
  one.kinesis.refuse = ({ PartitionKey }) =>
    PartitionKey.endsWith("3") ? "ProvisionedThroughputExceededException" : undefined;
  const { storedCount, failedCount, failures } = await one.clock.finish(
    one.producer.putAll(recordsOf(2_000)),
  );
  expect([storedCount, failedCount]).toEqual([1_800, 200]);
  expect(failures).toHaveLength(100);
  expect(failures[0]).toMatchObject({
    partitionKey: "key 3",
    code: "ProvisionedThroughputExceededException",
  });
});

test("metrics count what happened and tell latencies within a sixteenth", async () => {
  const one = setup({ lingerMs: 80, requestCountMax: 1 });
  await one.clock.finish(one.producer.putAll([record("warm")]));
  one.kinesis.before = () => one.clock.sleep(20);
  for (const next of recordsOf(99)) one.producer.offer(next);
  expect(one.producer.metrics()).toMatchObject({ queuedRecordCount: 99, acceptedCount: 100, storedCount: 1 });
  await one.clock.runFor(200);
  const { recordLatency, requestLatency, ...counts } = one.producer.metrics();
  expect(counts).toMatchObject({
    storedCount: 100,
    failedCount: 0,
    putRecordCount: 2,
    requestCount: 2,
    queuedRecordCount: 0,
    queuedBytes: 0,
    requestsInFlight: 0,
    shardCount: 1,
  });
  expect(recordLatency).toMatchObject({ count: 100, maxMs: 100 });
  expect(recordLatency.p50Ms).toBeGreaterThanOrEqual(100 * (15 / 16));
  expect(recordLatency.p50Ms).toBeLessThanOrEqual(100);
  expect(requestLatency).toMatchObject({ count: 2, p99Ms: 20, maxMs: 20 });
});

test.each([
  [{ lingerMs: -1 }, "lingerMs is -1"],
  [{ requestRecordCountMax: 501 }, "requestRecordCountMax is 501"],
  [{ requestSizeBytesMax: 10_485_761 }, "requestSizeBytesMax"],
  [{ recordTtlMs: 0 }, "recordTtlMs is 0"],
  [{ shardRateShare: Number.NaN }, "shardRateShare is NaN"],
  [{ retryDelayMs: 10_000 }, "retryDelayMsMax is 5000; it lies from 10000"],
])("an option outside its range is refused: %o", (options, message) => {
  expect(() => setup(options)).toThrow(message);
});
