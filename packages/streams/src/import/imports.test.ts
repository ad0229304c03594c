import { RecordDigest } from "@millrace/model";
import { seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";
import type { ImportedShard } from "./imported-stream.ts";
import {
  COPY,
  copyAll,
  copyRecords,
  everything,
  importedOf,
  middleOf,
  OFF,
  recordsOf,
  settingsOf,
  shardsOf,
  sourceWith,
  targetFor,
} from "./copies-under-test.ts";

const HOUR_MS = 3_600_000;

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

  test("had the same shards at any time, to the second in which they were made and closed", async () => {
    const source = await serviceUnderTest(OFF);
    await source.createStream("s", 2);
    const times: number[] = [];
    const pass = async () => {
      await source.clock.advance(300_000);
      times.push(source.clock.nowMs());
      await source.call("PutRecord", { StreamName: "s", PartitionKey: "k", Data: Buffer.of(1) });
      await source.clock.advance(300_000);
    };
    await pass();
    await source.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: "0",
      NewStartingHashKey: String(1n << 125n),
    });
    await pass();
    await source.call("MergeShards", { StreamName: "s", ShardToMerge: "3", AdjacentShardToMerge: "1" });
    await pass();
    const target = await targetFor(source);
    await copyAll(source, target);
    const idsAt = async ({ call }: ServiceUnderTest, Type: "AT_TIMESTAMP" | "FROM_TIMESTAMP", at: number) =>
      (await call("ListShards", { StreamName: "s", ShardFilter: { Type, Timestamp: at } })).Shards?.map(
        ({ ShardId }) => ShardId,
      );
    for (const time of times) {
      for (const type of ["AT_TIMESTAMP", "FROM_TIMESTAMP"] as const) {
        expect(await idsAt(target, type, time)).toEqual(await idsAt(source, type, time));
      }
    }
    // A closed shard is listed for a retention period after its close, whether it has records or not.
    await target.clock.advance(24 * HOUR_MS - 1_000 - 600_000 - 301_000);
    await source.clock.advance(24 * HOUR_MS - 600_000 - 301_000);
    expect(await shardsOf(target)).toEqual(await shardsOf(source));
    expect(await shardsOf(target)).toHaveLength(4);
    for (const service of [source, target]) await service.clock.advance(303_000);
    expect(await shardsOf(target)).toEqual(await shardsOf(source));
    expect(await shardsOf(target)).toHaveLength(2);
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

  test("of two copiers whose requests end at different records, each record is stored once", async () => {
    const source = await sourceWith(5);
    const target = await targetFor(source);
    const outcomes: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const copiers = [1 + (round % 5), 9 - (round % 3)].map((batchSize) =>
        copyRecords(source, target, { batchSize, batchesMax: 3 }),
      );
      for (const { status } of await Promise.allSettled(copiers)) outcomes.push(status);
    }
    // They were in each other's way, or nothing is shown.
    expect(new Set(outcomes)).toEqual(new Set(["fulfilled", "rejected"]));
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
      isRenumbered: false,
      shards: shards.map(({ shardId }) => ({ shardId })),
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
