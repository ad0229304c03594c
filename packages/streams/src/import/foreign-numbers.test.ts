import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";
import { COPY, OFF, recordsOf } from "./copies-under-test.ts";

const HOUR_MS = 3_600_000;

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
    ).rejects.toMatchObject({ kind: "unkept" });
    await imports.begin(COPY, settings, [shard()]);
    await expect(
      imports.append(COPY, shard().shardId, undefined, [{ ...records[0]!, sequenceNumber: bad }]),
    ).rejects.toMatchObject({ kind: "unkept" });
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
