import { AggregatedRecordWriter, type HashKeyRange, hashKeyOf, WHOLE_RING } from "@millrace/model";
import { simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { TRIM_HORIZON } from "../index.ts";
import type { Fetched } from "../retrieval/shard-source.ts";
import { UserRecordReader } from "../retrieval/user-records.ts";
import { ShardFeed } from "./shard-feed.ts";
import { ShardMeter } from "./shard-meter.ts";

const child = {
  ShardId: "shardId-000000000001",
  ParentShards: ["shardId-000000000000"],
  HashKeyRange: { StartingHashKey: "0", EndingHashKey: "1" },
};

/** So many records packed into one, of the keys `x` and `y` in turns. */
function packed(recordCount: number): Uint8Array {
  const writer = new AggregatedRecordWriter();
  for (let at = 0; at < recordCount; at += 1) {
    const partitionKey = "xy"[at % 2]!;
    writer.tryAdd({ partitionKey, partitionKeyBytes: 1, explicitHashKey: undefined, data: KIB }, Infinity);
  }
  return writer.finish();
}

const KIB = Buffer.alloc(1_024);

/** Ten records an answer; the shard ends with answer `answerCount`. */
function feedOf(
  answerCount: number,
  recordsInFlightMax: number,
  { data = KIB as Uint8Array, range = WHOLE_RING } = {},
) {
  const clock = simulatedClock();
  const meter = new ShardMeter(clock);
  const counts = { fetched: 0 };
  const next = async (): Promise<Fetched> => {
    counts.fetched += 1;
    const from = counts.fetched * 10;
    return {
      records: Array.from({ length: 10 }, (_, at) => ({
        SequenceNumber: String(from + at),
        Data: data,
        PartitionKey: "a",
      })),
      millisBehindLatest: 1_000 * (answerCount - counts.fetched),
      childShards: counts.fetched === answerCount ? [child] : undefined,
    };
  };
  const feed = new ShardFeed({
    source: { next, close: () => Promise.resolve() },
    reader: new UserRecordReader(range, TRIM_HORIZON),
    meter,
    recordsInFlightMax,
  });
  return { feed, meter, counts, clock };
}

const turn = () => new Promise((resolve) => void setImmediate(resolve));

describe("a feed", () => {
  test("fetches ahead until so many records are in flight, and goes on when they are given back", async () => {
    const { feed, counts } = feedOf(100, 30);
    await turn();
    expect(counts.fetched).toBe(3);
    await feed.next();
    await turn();
    expect(counts.fetched).toBe(3);
    feed.giveBack(10);
    await turn();
    expect(counts.fetched).toBe(4);
    await feed.close();
  });

  test("counts what is packed in a record before it is taken apart", async () => {
    const { feed, counts, meter } = feedOf(100, 5_000, { data: packed(200) });
    await turn();
    expect(counts.fetched).toBe(3);
    expect(meter.metrics("s", "shard").recordsInFlight).toBe(6_000);
    const pieces = [await feed.next(1_001), await feed.next(1_001)];
    const first = pieces.flatMap((piece) => piece!.records);
    expect(first.map(({ subSequenceNumber }) => subSequenceNumber)).toEqual(
      Array.from({ length: 2_000 }, (_, at) => at % 200),
    );
    expect(pieces[1]!.end).toEqual({ sequenceNumber: "19", subSequenceNumber: 199 });
    expect(pieces.map((piece) => piece!.records.length)).toEqual([1_200, 800]);
    expect((await feed.next())?.records).toHaveLength(2_000);
    expect(counts.fetched).toBe(3);
    feed.giveBack(first.length);
    await turn();
    expect(counts.fetched).toBe(4);
    await feed.close();
  });

  test("does not count as in flight what is not of the shard, when it knows", async () => {
    const x = hashKeyOf(Buffer.from("x"));
    const range: HashKeyRange = { startingHashKey: x, endingHashKey: x };
    const { feed, meter } = feedOf(1, 1, { data: packed(200), range });
    await turn();
    let recordCount = 0;
    for (let piece = await feed.next(); piece !== undefined; piece = await feed.next()) {
      recordCount += piece.records.length;
    }
    expect(recordCount).toBe(1_000);
    expect(meter.metrics("s", "shard")).toMatchObject({ recordCount: 1_000, recordsInFlight: 1_000 });
    feed.giveBack(recordCount);
    expect(meter.metrics("s", "shard").recordsInFlight).toBe(0);
    expect(feed.children).toEqual([child]);
  });

  test("tells of the children only when everything was handed out", async () => {
    const { feed } = feedOf(2, 1_000);
    await turn();
    expect(feed.children).toBeUndefined();
    expect((await feed.next())?.end.sequenceNumber).toBe("19");
    expect(feed.children).toBeUndefined();
    expect((await feed.next())?.end.sequenceNumber).toBe("29");
    expect(await feed.next()).toBeUndefined();
    expect(feed.children).toEqual([child]);
  });

  test("that was stopped hands out no more, and does not take that for the end of the shard", async () => {
    const { feed } = feedOf(1, 1_000);
    await turn();
    feed.stop();
    expect(await feed.next()).toBeUndefined();
    expect(feed.children).toBeUndefined();
  });
});

describe("the meter of a shard", () => {
  test("shows the lag, what is in flight, and records per second over the last ten seconds", async () => {
    const { meter, clock, feed } = feedOf(3, 1_000);
    await turn();
    expect(meter.metrics("s", "shard")).toEqual({
      streamName: "s",
      shardId: "shard",
      millisBehindLatest: 0,
      recordCount: 30,
      sizeBytes: 30 * 1_024,
      recordsPerSecond: 30,
      recordsInFlight: 30,
    });
    await clock.runFor(10_000);
    expect(meter.metrics("s", "shard").recordsPerSecond).toBe(3);
    expect(meter.throughputKBps()).toBe(3);
    await clock.runFor(2_000);
    expect(meter.metrics("s", "shard").recordsPerSecond).toBe(0);
    feed.giveBack(30);
    expect(meter.metrics("s", "shard").recordsInFlight).toBe(0);
  });
});
