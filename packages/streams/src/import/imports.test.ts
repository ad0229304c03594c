import { RecordDigest } from "@millrace/model";
import { seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";
import type { ImportedShard } from "./imported-stream.ts";
import type { Seen } from "./copies-under-test.ts";
import {
  COPY,
  copyAll,
  copyRecords,
  importedOf,
  recordsOf,
  settingsOf,
  shardsOf,
} from "./copies-under-test.ts";

const HOUR_MS = 3_600_000;
const OFF = { limits: { mode: "off" } } as const;

/** A stream with splits, merges, batches and pauses between them, by chance. */
async function sourceWith(seed: number, steps = 40): Promise<ServiceUnderTest> {
  const random = seededRandom(seed);
  const service = await serviceUnderTest(OFF);
  const { call, clock } = service;
  const upTo = (bound: number): number => Math.floor(random.fraction() * bound);
  await service.createStream("s", 1 + upTo(3));
  let written = 0;
  for (let step = 0; step < steps; step += 1) {
    const open = (await shardsOf(service)).filter((shard) => shard.endingSequenceNumber === undefined);
    const chosen = open[upTo(open.length)]!;
    const kind = upTo(10);
    if (kind === 0 && open.length < 6) {
      await call("SplitShard", {
        StreamName: "s",
        ShardToSplit: chosen.shardId,
        NewStartingHashKey: middleOf(chosen),
      });
      await clock.advance(60);
    } else if (kind === 1) {
      const next = open.find(
        ({ startingHashKey }) => BigInt(startingHashKey) === BigInt(chosen.endingHashKey) + 1n,
      );
      if (next === undefined) continue;
      await call("MergeShards", {
        StreamName: "s",
        ShardToMerge: chosen.shardId,
        AdjacentShardToMerge: next.shardId,
      });
      await clock.advance(60);
    } else if (kind === 2) await clock.advance(upTo(20 * 60_000));
    else {
      await call("PutRecords", {
        StreamName: "s",
        Records: Array.from({ length: 1 + upTo(12) }, () => ({
          PartitionKey: `key ${upTo(100)}`,
          Data: Buffer.from(`record ${(written += 1)}`),
        })),
      });
    }
  }
  return service;
}

function middleOf({ startingHashKey, endingHashKey }: ImportedShard): string {
  return String((BigInt(startingHashKey) + BigInt(endingHashKey)) / 2n);
}

/** A service whose clock says what the source's does. */
async function targetFor(source: ServiceUnderTest): Promise<ServiceUnderTest> {
  const target = await serviceUnderTest(OFF);
  await target.clock.advance(source.clock.nowMs() - target.clock.nowMs() + 1_000);
  return target;
}

async function everything(service: ServiceUnderTest): Promise<Map<string, Seen[]>> {
  const all = new Map<string, Seen[]>();
  for (const { shardId } of await shardsOf(service)) all.set(shardId, await recordsOf(service, shardId));
  return all;
}

describe("a copied stream", () => {
  test.each([1, 2, 3, 4, 5, 6])("shows its readers what they saw before (seed %i)", async (seed) => {
    const source = await sourceWith(seed);
    const target = await targetFor(source);
    await copyAll(source, target);

    expect(await shardsOf(target)).toEqual(await shardsOf(source));
    const before = await everything(source);
    expect(await everything(target)).toEqual(before);
    expect([...before.values()].flat().length).toBeGreaterThan(50);
    const random = seededRandom(seed);
    for (const [shardId, records] of before) {
      for (const [at, { sequenceNumber, arrivalMs }] of records.entries()) {
        if (random.fraction() > 0.2) continue;
        const number = { StartingSequenceNumber: sequenceNumber };
        const starts = [
          [{ ShardIteratorType: "AT_SEQUENCE_NUMBER", ...number }, at],
          [{ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", ...number }, at + 1],
          [
            { ShardIteratorType: "AT_TIMESTAMP", Timestamp: arrivalMs },
            records.findIndex((record) => record.arrivalMs >= arrivalMs),
          ],
        ] as const;
        for (const [start, first] of starts) {
          expect(await recordsOf(target, shardId, start, 5)).toEqual(records.slice(first));
        }
      }
    }
  });

  test("goes on with numbers above those that it brought along, also behind a reshard", async () => {
    const source = await sourceWith(2);
    const target = await targetFor(source);
    await copyAll(source, target);
    const before = await everything(target);
    const numbers = [...before.values()].flat().map(({ sequenceNumber }) => sequenceNumber);
    const last = numbers.sort().at(-1)!;
    const puts = await target.call("PutRecords", {
      StreamName: "s",
      Records: Array.from({ length: 20 }, (_, at) => ({
        PartitionKey: `key ${at}`,
        Data: Buffer.from(`new ${at}`),
      })),
    });
    for (const { SequenceNumber } of puts.Records) expect(SequenceNumber! > last).toBe(true);
    for (const [shardId, records] of await everything(target)) {
      const old = before.get(shardId)!;
      expect(records.slice(0, old.length)).toEqual(old);
      const added = records.slice(old.length);
      const from = old.at(-1)?.sequenceNumber;
      if (from === undefined) continue;
      const after = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: from };
      expect(await recordsOf(target, shardId, after)).toEqual(added);
    }
    const open = (await shardsOf(target)).find((shard) => shard.endingSequenceNumber === undefined)!;
    await target.call("PutRecord", {
      StreamName: "s",
      PartitionKey: "a",
      Data: Buffer.of(1),
      SequenceNumberForOrdering: numbers[0]!,
    });
    await target.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: open.shardId,
      NewStartingHashKey: middleOf(open),
    });
    await target.clock.advance(60);
    const { startingSequenceNumber: childStart } = (await shardsOf(target)).at(-1)!;
    const parent = (await shardsOf(target)).find(({ shardId }) => shardId === open.shardId)!;
    expect(parent.startingSequenceNumber).toBe(open.startingSequenceNumber);
    expect(parent.endingSequenceNumber! > last && parent.endingSequenceNumber! < childStart).toBe(true);
  });

  test("goes on above what it brought along, also where the clock of the source was ahead", async () => {
    const source = await serviceUnderTest(OFF);
    await source.clock.advance(120_000);
    await source.createStream("s", 1);
    const put = (service: ServiceUnderTest) =>
      service.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.of(1) });
    const numbers = [(await put(source)).SequenceNumber];
    const target = await serviceUnderTest(OFF);
    await copyAll(source, target);
    numbers.push((await put(target)).SequenceNumber);
    await target.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: "0",
      NewStartingHashKey: String(1n << 127n),
    });
    await target.clock.advance(60);
    numbers.push((await put(target)).SequenceNumber);
    expect(numbers).toEqual([...new Set(numbers)].sort());
    const arrivals = (await recordsOf(target, "0")).map(({ arrivalMs }) => arrivalMs);
    expect(arrivals).toEqual([...arrivals].sort());
  });

  test("can be read with what a fan-out consumer was told to continue with", async () => {
    const source = await serviceUnderTest(OFF);
    await source.createStream("s", 1);
    for (let at = 0; at < 10; at += 1) {
      await source.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.from(`${at}`) });
    }
    const target = await targetFor(source);
    await copyAll(source, target);
    const { Consumer } = await target.call("RegisterStreamConsumer", {
      StreamARN: "arn:aws:kinesis:us-east-1:123456789012:stream/s",
      ConsumerName: "c",
    });
    await target.clock.advance(60);
    const subscribe = async (position: object) => {
      const { EventStream } = await target.call("SubscribeToShard", {
        ConsumerARN: Consumer.ConsumerARN,
        ShardId: "0",
        StartingPosition: position as { Type: "LATEST" },
      });
      const events = (EventStream as AsyncIterable<object>)[Symbol.asyncIterator]();
      const { value } = (await events.next()) as {
        value: {
          SubscribeToShardEvent: {
            ContinuationSequenceNumber: string;
            Records: { SequenceNumber: string }[];
          };
        };
      };
      await events.return?.();
      await target.clock.advance(6_000);
      return value.SubscribeToShardEvent;
    };
    const numbers = (await recordsOf(source, "0")).map(({ sequenceNumber }) => sequenceNumber);
    const first = await subscribe({ Type: "AT_SEQUENCE_NUMBER", SequenceNumber: numbers[4] });
    expect(first.Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual(numbers.slice(4));
    expect(first.ContinuationSequenceNumber).toBe(numbers.at(-1));
    const { SequenceNumber } = await target.call("PutRecord", {
      StreamName: "s",
      PartitionKey: "k",
      Data: Buffer.from("new"),
    });
    const second = await subscribe({
      Type: "AFTER_SEQUENCE_NUMBER",
      SequenceNumber: first.ContinuationSequenceNumber,
    });
    expect(second.Records.map((record) => record.SequenceNumber)).toEqual([SequenceNumber]);
    expect(second.ContinuationSequenceNumber).toBe(SequenceNumber);
  });

  test("forgets records when their retention ends where they came from, and closed shards with them", async () => {
    const source = await sourceWith(2);
    await source.clock.advance(5 * HOUR_MS);
    await source.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.from("young") });
    const target = await targetFor(source);
    await copyAll(source, target);
    await target.clock.advance(-1_000 + 20 * HOUR_MS);
    await source.clock.advance(20 * HOUR_MS);
    const left = await everything(source);
    expect([...left.values()].flat().map(({ text }) => text)).toEqual(["young"]);
    expect([...(await everything(target)).values()].flat().map(({ text }) => text)).toEqual(["young"]);
    expect((await shardsOf(target)).map(({ shardId }) => shardId)).toEqual([...left.keys()]);
  });

  test("keeps its settings, and when it was created", async () => {
    const source = await sourceWith(1, 5);
    const target = await targetFor(source);
    const settings = { ...(await settingsOf(source)), retentionHours: 48, keyId: "alias/river" };
    await target.streams.imports.begin(COPY, settings, await shardsOf(source));
    await copyAll(source, target);
    const { StreamDescriptionSummary } = await target.call("DescribeStreamSummary", { StreamName: "s" });
    expect(StreamDescriptionSummary).toMatchObject({
      StreamStatus: "ACTIVE",
      StreamCreationTimestamp: settings.createdMs,
      RetentionPeriodHours: 48,
      EncryptionType: "KMS",
      KeyId: "alias/river",
    });
    const { Tags } = await target.call("ListTagsForStream", { StreamName: "s" });
    expect(Tags).toEqual([{ Key: "team", Value: "river" }]);
  });
});

describe("copying", () => {
  test.each([1, 2, 3])(
    "broken off anywhere and begun again, it stores every record once (seed %i)",
    async (seed) => {
      const source = await sourceWith(seed);
      let target = await targetFor(source);
      const random = seededRandom(seed);
      for (let round = 0; round < 8; round += 1) {
        await copyRecords(source, target, {
          batchSize: 1 + Math.floor(random.fraction() * 20),
          batchesMax: Math.floor(random.fraction() * 4),
        });
        target = await target.restart();
      }
      await copyAll(source, target);
      expect(await everything(target)).toEqual(await everything(source));
    },
  );

  test("what is put and resharded at the source meanwhile is taken in by the next round", async () => {
    const source = await serviceUnderTest(OFF);
    await source.createStream("s", 1);
    const put = (text: string) =>
      source.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.from(text) });
    await put("one");
    const target = await targetFor(source);
    await copyRecords(source, target);
    await put("two");
    await source.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: "0",
      NewStartingHashKey: "170141183460469231731687303715884105728",
    });
    await source.clock.advance(60);
    await put("three");
    await copyAll(source, target);
    expect(await everything(target)).toEqual(await everything(source));
    expect(await shardsOf(target)).toEqual(await shardsOf(source));
  });

  test("of two copiers of the same records, each record is stored once", async () => {
    const source = await sourceWith(3);
    const target = await targetFor(source);
    const { shards } = await target.streams.imports.begin(
      COPY,
      await settingsOf(source),
      await shardsOf(source),
    );
    const { shardId } = shards[0]!;
    const records = (await recordsOf(source, shardId)).map(importedOf);
    const outcomes = await Promise.allSettled(
      [1, 2].map(() => target.streams.imports.append(COPY, shardId, undefined, records)),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(target.streams.imports.append(COPY, shardId, undefined, records)).rejects.toMatchObject({
      kind: "conflict",
    });
    await copyAll(source, target);
    expect(await everything(target)).toEqual(await everything(source));
  });

  test("where a copy is, is known for longer than its records are kept", async () => {
    const source = await sourceWith(1, 10);
    const target = await targetFor(source);
    const progress = await copyRecords(source, target);
    const shards = await shardsOf(source);
    await target.clock.advance(30 * HOUR_MS);
    const begun = await target.streams.imports.begin(COPY, await settingsOf(source), shards);
    expect(begun.shards).toEqual(progress);
    await target.streams.imports.finish(COPY, shards, progress);
    const [{ shardId }] = shards as [ImportedShard];
    expect(await recordsOf(target, shardId)).toEqual([]);
    const { SequenceNumber } = await target.call("PutRecord", {
      StreamName: "s",
      PartitionKey: "k",
      Data: Buffer.of(1),
    });
    for (const { lastSequenceNumber = "" } of progress)
      expect(SequenceNumber > lastSequenceNumber).toBe(true);
    await target.clock.advance(HOUR_MS);
    const open = shards.find((shard) => shard.endingSequenceNumber === undefined)!;
    expect((await shardsOf(target)).map((shard) => shard.shardId)).toContain(open.shardId);
  });

  test("nobody reads or writes the stream before it is finished", async () => {
    const source = await sourceWith(1, 10);
    const target = await targetFor(source);
    await copyRecords(source, target);
    const put = { StreamName: "s", PartitionKey: "k", Data: Buffer.of(1) };
    expect((await target.failureOf("PutRecord", put)).code).toBe("ResourceNotFoundException");
    expect((await target.failureOf("ListShards", { StreamName: "s" })).code).toBe("ResourceInUseException");
    await target.clock.advance(HOUR_MS);
    const { StreamDescriptionSummary } = await target.call("DescribeStreamSummary", { StreamName: "s" });
    expect(StreamDescriptionSummary.StreamStatus).toBe("CREATING");
  });

  test("a finished copy takes nothing more, and finishing it again does no harm", async () => {
    const source = await sourceWith(1, 10);
    const target = await targetFor(source);
    await copyAll(source, target);
    const shards = await shardsOf(source);
    await target.streams.imports.finish(COPY, shards, []);
    expect(await target.streams.imports.begin(COPY, await settingsOf(source), shards)).toEqual({
      isFinished: true,
      shards: [],
    });
    await expect(target.streams.imports.append(COPY, "0", undefined, [])).rejects.toMatchObject({
      kind: "conflict",
    });
  });

  test("is not finished while records are missing", async () => {
    const source = await sourceWith(1, 20);
    const target = await targetFor(source);
    const complete = await copyRecords(source, await targetFor(source));
    await copyRecords(source, target, { batchesMax: 1 });
    await expect(target.streams.imports.finish(COPY, await shardsOf(source), complete)).rejects.toMatchObject(
      { kind: "conflict" },
    );
  });

  test("a stream that is there already, or a copy of another one, is left alone", async () => {
    const source = await sourceWith(1, 5);
    const target = await targetFor(source);
    const settings = await settingsOf(source);
    const shards = await shardsOf(source);
    await target.streams.imports.begin({ ...COPY, source: "another" }, settings, shards);
    await expect(target.streams.imports.begin(COPY, settings, shards)).rejects.toThrow("a copy of another");
    await target.call("DeleteStream", { StreamName: "s" });
    await target.clock.advance(60);
    await target.createStream("s", 1);
    await expect(target.streams.imports.begin(COPY, settings, shards)).rejects.toThrow("not copied");
  });

  test("a digest is that of the records, whatever entries they lie in", async () => {
    const source = await sourceWith(4);
    const target = await targetFor(source);
    await copyRecords(source, target, { batchSize: 3 });
    for (const { shardId } of await shardsOf(source)) {
      const records = await recordsOf(source, shardId);
      if (records.length < 4) continue;
      const some = records.slice(1, -1);
      const digest = new RecordDigest();
      for (const record of some) digest.add(importedOf(record));
      expect(
        await target.streams.imports.digest(
          COPY,
          shardId,
          some[0]!.sequenceNumber,
          some.at(-1)!.sequenceNumber,
        ),
      ).toEqual(digest.finish());
    }
  });
});

describe("numbers of other makers", () => {
  /** Service time begins a little later. */
  const SECOND = 1_767_220_000;
  /** In the layout that the service itself uses: a count and a time behind the shard's second. */
  const number = (second: number, count: number): string =>
    String((1n << 185n) | (BigInt(second) << 148n) | (BigInt(count * 3) << 84n) | 0x2n);
  const shard = (endingSequenceNumber?: string) => ({
    shardId: "shardId-000000000004",
    parentShardIds: ["shardId-000000000001"],
    startingHashKey: "0",
    endingHashKey: "340282366920938463463374607431768211455",
    startingSequenceNumber: number(SECOND, 0),
    ...(endingSequenceNumber === undefined ? {} : { endingSequenceNumber }),
  });
  const settings = {
    createdMs: SECOND * 1_000,
    mode: "ON_DEMAND",
    retentionHours: 24,
    shardLevelMetrics: [],
    tags: {},
  } as const;
  const records = Array.from({ length: 30 }, (_, at) => ({
    sequenceNumber: number(SECOND, at + 1),
    // As the service says, arrivals may go back.
    arrivalMs: SECOND * 1_000 + 1_000 + at * 10 - (at % 7 === 3 ? 25 : 0),
    key: Buffer.from("k"),
    data: Buffer.from(`${at}`),
  }));

  test("are kept, and found again", async () => {
    const target = await serviceUnderTest(OFF);
    const { imports } = target.streams;
    await imports.begin(COPY, settings, [shard()]);
    await imports.append(COPY, shard().shardId, undefined, records);
    const last = records.at(-1)!.sequenceNumber;
    await imports.finish(COPY, [shard()], [{ shardId: shard().shardId, lastSequenceNumber: last }]);
    const seen = await recordsOf(target, "4");
    expect(seen.map(({ sequenceNumber }) => sequenceNumber)).toEqual(
      records.map(({ sequenceNumber }) => sequenceNumber),
    );
    const arrivals = seen.map(({ arrivalMs }) => arrivalMs);
    expect(arrivals).toEqual(
      records.map((_, at) => Math.max(...records.slice(0, at + 1).map(({ arrivalMs }) => arrivalMs))),
    );
    for (const [at, { sequenceNumber }] of records.entries()) {
      const between = String(BigInt(sequenceNumber) + 1n);
      for (const [type, from, first] of [
        ["AT_SEQUENCE_NUMBER", sequenceNumber, at],
        ["AFTER_SEQUENCE_NUMBER", sequenceNumber, at + 1],
        ["AT_SEQUENCE_NUMBER", between, at + 1],
        ["AFTER_SEQUENCE_NUMBER", between, at + 1],
      ] as const) {
        const start = { ShardIteratorType: type, StartingSequenceNumber: from };
        expect(await recordsOf(target, "4", start)).toEqual(seen.slice(first));
      }
    }
    const before = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: number(SECOND - 1, 1) };
    await expect(recordsOf(target, "4", before)).rejects.toThrow();
    const { SequenceNumber } = await target.call("PutRecord", {
      StreamName: "s",
      PartitionKey: "k",
      Data: Buffer.from("new"),
    });
    expect(SequenceNumber > last).toBe(true);
  });

  test.each([
    ["of another length", "123"],
    ["so high that none are left", `49${"9".repeat(54)}`],
  ])("are refused when they are %s", async (_, bad) => {
    const target = await serviceUnderTest(OFF);
    const { imports } = target.streams;
    await expect(
      imports.begin(COPY, settings, [{ ...shard(), startingSequenceNumber: bad }]),
    ).rejects.toMatchObject({ kind: "impossible" });
    await imports.begin(COPY, settings, [shard()]);
    await expect(
      imports.append(COPY, shard().shardId, undefined, [{ ...records[0]!, sequenceNumber: bad }]),
    ).rejects.toMatchObject({ kind: "impossible" });
  });

  test("records out of order, or from the future, are refused, and none of the batch is stored", async () => {
    const target = await serviceUnderTest(OFF);
    const { imports } = target.streams;
    await imports.begin(COPY, settings, [shard()]);
    const nowMs = target.clock.nowMs();
    const [one, two] = records.map((record) => ({ ...record, arrivalMs: nowMs })) as [
      (typeof records)[0],
      (typeof records)[0],
    ];
    for (const bad of [
      [two, one],
      [one, one],
      [one, { ...two, arrivalMs: nowMs + HOUR_MS }],
    ]) {
      await expect(imports.append(COPY, shard().shardId, undefined, bad)).rejects.toMatchObject({
        kind: "impossible",
      });
    }
    const { shards } = await imports.begin(COPY, settings, [shard()]);
    expect(shards).toEqual([{ shardId: shard().shardId, lastSequenceNumber: undefined }]);
  });

  test("a list of shards that leaves keys out is not finished", async () => {
    const target = await serviceUnderTest(OFF);
    const { imports } = target.streams;
    const part = { ...shard(), endingHashKey: "1000" };
    await imports.begin(COPY, settings, [part]);
    await expect(
      imports.finish(COPY, [part], [{ shardId: part.shardId, lastSequenceNumber: undefined }]),
    ).rejects.toThrow("each hash key once");
  });
});
