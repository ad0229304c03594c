import type { InputOf, GetShardIterator } from "@millrace/api";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

type IteratorInput = Omit<InputOf<typeof GetShardIterator>, "ShardId" | "StreamName">;
const MIB = 1_048_576;

async function iteratorOf(
  { call }: ServiceUnderTest,
  input: IteratorInput,
  ShardId = "shardId-000000000000",
): Promise<string> {
  return (await call("GetShardIterator", { StreamName: "s", ShardId, ...input })).ShardIterator!;
}

function textsOf(records: readonly { readonly Data: Uint8Array }[]): string[] {
  return records.map(({ Data }) => Buffer.from(Data).toString());
}

async function put({ call }: ServiceUnderTest, text: string): Promise<string> {
  return (await call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.from(text) }))
    .SequenceNumber;
}

/** A stream of one shard with three records, a second apart, of which the last two share an entry. */
async function threeRecords(options?: Parameters<typeof serviceUnderTest>[0]) {
  const service = await serviceUnderTest(options);
  await service.createStream("s", 1);
  const numbers = [await put(service, "one")];
  const times = [service.clock.nowMs()];
  await service.clock.advance(1_000);
  times.push(service.clock.nowMs());
  const { Records } = await service.call("PutRecords", {
    StreamName: "s",
    Records: ["two", "three"].map((text) => ({ PartitionKey: "a", Data: Buffer.from(text) })),
  });
  numbers.push(...Records.map(({ SequenceNumber }) => SequenceNumber!));
  await service.clock.advance(1_000);
  return { service, numbers, times };
}

describe("GetShardIterator", () => {
  test("each type starts where it says", async () => {
    const { service, numbers, times } = await threeRecords();
    const cases: [IteratorInput, string[]][] = [
      [{ ShardIteratorType: "TRIM_HORIZON" }, ["one", "two", "three"]],
      [{ ShardIteratorType: "LATEST" }, []],
      [{ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[1]! }, ["two", "three"]],
      [{ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[1]! }, ["three"]],
      [{ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[2]! }, []],
      [{ ShardIteratorType: "AT_TIMESTAMP", Timestamp: times[1]! }, ["two", "three"]],
      [{ ShardIteratorType: "AT_TIMESTAMP", Timestamp: times[0]! + 0.5 }, ["two", "three"]],
      [{ ShardIteratorType: "AT_TIMESTAMP", Timestamp: 0 }, ["one", "two", "three"]],
    ];
    for (const [input, expected] of cases) {
      const got = await service.call("GetRecords", { ShardIterator: await iteratorOf(service, input) });
      expect(textsOf(got.Records)).toEqual(expected);
      await service.clock.advance(1_000);
    }
    const { StreamDescription } = await service.call("DescribeStream", { StreamName: "s" });
    const StartingSequenceNumber = StreamDescription.Shards[0]!.SequenceNumberRange.StartingSequenceNumber;
    for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] as const) {
      const got = await service.call("GetRecords", {
        ShardIterator: await iteratorOf(service, { ShardIteratorType, StartingSequenceNumber }),
      });
      expect(textsOf(got.Records)).toEqual(["one", "two", "three"]);
    }
  });

  test("LATEST is the tip at the time of the call", async () => {
    const { service } = await threeRecords();
    const ShardIterator = await iteratorOf(service, { ShardIteratorType: "LATEST" });
    await put(service, "four");
    await put(service, "five");
    expect(textsOf((await service.call("GetRecords", { ShardIterator })).Records)).toEqual(["four", "five"]);
  });

  test("members that do not go together are refused, as the service words it", async () => {
    const { service, numbers } = await threeRecords({ limits: { mode: "off" } });
    const both =
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. ";
    const { failureOf, clock } = service;
    const refusals: [IteratorInput & { ShardId?: string }, string][] = [
      [
        { ShardIteratorType: "AT_SEQUENCE_NUMBER" },
        `${both}Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.`,
      ],
      [
        { ShardIteratorType: "LATEST", StartingSequenceNumber: "5" },
        `${both}Request specified LATEST and also a StartingSequenceNumber.`,
      ],
      [
        { ShardIteratorType: "AT_TIMESTAMP" },
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.",
      ],
      [
        { ShardIteratorType: "AT_TIMESTAMP", Timestamp: clock.nowMs() + 2_000 },
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
          `timestampInMillis: ${clock.nowMs() + 2_000}, currentTimestampInMillis: ${clock.nowMs()}`,
      ],
      [
        { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "5" },
        "StartingSequenceNumber 5 used in GetShardIterator on shard shardId-000000000000 in stream s under account 123456789012 is invalid.",
      ],
    ];
    for (const [input, message] of refusals) {
      const failure = await failureOf("GetShardIterator", {
        StreamName: "s",
        ShardId: "shardId-0",
        ...input,
      });
      expect(failure).toEqual({ code: "InvalidArgumentException", message, status: 400 });
    }
    await service.call("CreateStream", { StreamName: "other", ShardCount: 2 });
    await clock.advance(60);
    const foreign = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[0]! } as const;
    expect(
      (await failureOf("GetShardIterator", { StreamName: "other", ShardId: "0", ...foreign })).message,
    ).toBe(
      `StartingSequenceNumber ${numbers[0]} used in GetShardIterator on shard shardId-000000000000 in stream other ` +
        "under account 123456789012 is invalid because it did not come from this stream.",
    );
    expect(
      (await failureOf("GetShardIterator", { StreamName: "other", ShardId: "1", ...foreign })).message,
    ).toBe(
      "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a shard with shardId-000000000001",
    );
  });

  test("a shard that is none is not found, as the service words it", async () => {
    const { service } = await threeRecords();
    const latest = { StreamName: "s", ShardIteratorType: "LATEST" } as const;
    expect(await service.failureOf("GetShardIterator", { ...latest, ShardId: "2147483648" })).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Could not find shard 2147483648 in stream s under account 123456789012.",
    });
    expect(await service.failureOf("GetShardIterator", { ...latest, ShardId: "shardId-5" })).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Shard shardId-000000000005 in stream s under account 123456789012 does not exist",
    });
    expect(
      await service.failureOf("GetShardIterator", { ...latest, StreamName: "t", ShardId: "any-0" }),
    ).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Shard shardId-000000000000 in stream t under account 123456789012 does not exist",
    });
  });

  test("five iterators of a shard are given in a second", async () => {
    const { service } = await threeRecords();
    for (let turn = 0; turn < 5; turn += 1) await iteratorOf(service, { ShardIteratorType: "LATEST" });
    const sixth = { StreamName: "s", ShardId: "0", ShardIteratorType: "LATEST" } as const;
    expect((await service.failureOf("GetShardIterator", sixth)).code).toBe(
      "ProvisionedThroughputExceededException",
    );
    await service.clock.advance(1_000);
    await service.call("GetShardIterator", sixth);
  });
});

describe("GetRecords", () => {
  test("a limit splits entries, and the next iterator goes on behind it", async () => {
    const { service, numbers } = await threeRecords();
    let ShardIterator = await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" });
    const seen: string[] = [];
    for (const expected of [1_000, 1_000, 0]) {
      const got = await service.call("GetRecords", { ShardIterator, Limit: 1 });
      seen.push(...got.Records.map(({ SequenceNumber }) => SequenceNumber));
      expect(got.MillisBehindLatest! >= expected).toBe(true);
      expect(got.MillisBehindLatest === 0).toBe(expected === 0);
      ShardIterator = got.NextShardIterator!;
    }
    expect(seen).toEqual(numbers);
  });

  test("an iterator lives for five minutes", async () => {
    const { service } = await threeRecords();
    const ShardIterator = await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" });
    await service.clock.advance(300_000);
    expect((await service.call("GetRecords", { ShardIterator })).Records).toHaveLength(3);
    await service.clock.advance(1_000);
    const { code, message } = await service.failureOf("GetRecords", { ShardIterator });
    expect(code).toBe("ExpiredIteratorException");
    expect(message).toBe(
      "Iterator expired. The iterator was created at time Thu Jan 01 00:00:02 UTC 2026 while right now it is " +
        "Thu Jan 01 00:05:03 UTC 2026 which is further in the future than the tolerated delay of 300000 milliseconds.",
    );
  });

  test("an iterator that is none, forged or of another server is invalid", async () => {
    const { service } = await threeRecords();
    const ShardIterator = await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" });
    const changed = (ShardIterator.startsWith("A") ? "B" : "A") + ShardIterator.slice(1);
    for (const text of ["x", changed, `${ShardIterator} `]) {
      expect(await service.failureOf("GetRecords", { ShardIterator: text })).toEqual({
        code: "InvalidArgumentException",
        message: "Invalid ShardIterator.",
        status: 400,
      });
    }
    expect((await service.call("GetRecords", { ShardIterator: `"${ShardIterator}"` })).Records).toHaveLength(
      3,
    );
  });

  test("an iterator survives a restart", async () => {
    const { service } = await threeRecords();
    const ShardIterator = await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" });
    const restarted = await service.restart();
    expect(textsOf((await restarted.call("GetRecords", { ShardIterator })).Records)).toEqual([
      "one",
      "two",
      "three",
    ]);
    const number = await put(restarted, "four");
    expect(textsOf((await restarted.call("GetRecords", { ShardIterator })).Records)).toHaveLength(4);
    expect(number > (await restarted.call("GetRecords", { ShardIterator })).Records[2]!.SequenceNumber).toBe(
      true,
    );
  });

  test("an answer holds at most 10 MiB, and the next one goes on", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    await service.createStream("s", 1);
    for (let turn = 0; turn < 3; turn += 1) {
      const Records = Array.from({ length: 5 }, () => ({ PartitionKey: "a", Data: Buffer.alloc(MIB - 1) }));
      await service.call("PutRecords", { StreamName: "s", Records });
    }
    const first = await service.call("GetRecords", {
      ShardIterator: await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" }),
    });
    expect(first.Records).toHaveLength(10);
    const second = await service.call("GetRecords", { ShardIterator: first.NextShardIterator! });
    expect(second.Records).toHaveLength(5);
    expect(second.MillisBehindLatest).toBe(0);
  });

  test("a record of 10 MiB is given alone", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    await service.call("CreateStream", { StreamName: "s", ShardCount: 1, MaxRecordSizeInKiB: 10_240 });
    await service.clock.advance(60);
    await put(service, "small");
    await service.call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(10 * MIB - 1) });
    const first = await service.call("GetRecords", {
      ShardIterator: await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" }),
    });
    expect(first.Records.map(({ Data }) => Data.length)).toEqual([5]);
    const second = await service.call("GetRecords", { ShardIterator: first.NextShardIterator! });
    expect(second.Records.map(({ Data }) => Data.length)).toEqual([10 * MIB - 1]);
  });

  test("an answer holds at most 10,000 records", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    await service.createStream("s", 1);
    const Records = Array.from({ length: 500 }, () => ({ PartitionKey: "a", Data: Buffer.alloc(1) }));
    for (let turn = 0; turn < 21; turn += 1) await service.call("PutRecords", { StreamName: "s", Records });
    const first = await service.call("GetRecords", {
      ShardIterator: await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" }),
    });
    expect(first.Records).toHaveLength(10_000);
    expect(
      (await service.call("GetRecords", { ShardIterator: first.NextShardIterator! })).Records,
    ).toHaveLength(500);
  });

  test("five calls a second per shard are answered", async () => {
    const { service } = await threeRecords();
    const ShardIterator = await iteratorOf(service, { ShardIteratorType: "LATEST" });
    let answered = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      const outcome = await service
        .call("GetRecords", { ShardIterator })
        .catch((error: { code: string }) => error.code);
      if (typeof outcome !== "string") answered += 1;
      else expect(outcome).toBe("ProvisionedThroughputExceededException");
      await service.clock.advance(100);
    }
    expect(answered).toBe(50);
  });

  test("after an answer of 10 MiB the shard refuses reads for five seconds", async () => {
    const service = await serviceUnderTest({ limits: { overrides: { shardWriteBytes: 1e9 } } });
    await service.createStream("s", 1);
    for (let turn = 0; turn < 3; turn += 1) {
      const Records = Array.from({ length: 4 }, () => ({ PartitionKey: "a", Data: Buffer.alloc(MIB - 1) }));
      await service.call("PutRecords", { StreamName: "s", Records });
    }
    const first = await service.call("GetRecords", {
      ShardIterator: await iteratorOf(service, { ShardIteratorType: "TRIM_HORIZON" }),
    });
    expect(first.Records).toHaveLength(10);
    await service.clock.advance(4_999);
    expect(await service.failureOf("GetRecords", { ShardIterator: first.NextShardIterator! })).toEqual({
      code: "ProvisionedThroughputExceededException",
      message: "Rate exceeded for Shard - 123456789012/s/shardId-000000000000",
      status: 400,
    });
    await service.clock.advance(1);
    expect(
      (await service.call("GetRecords", { ShardIterator: first.NextShardIterator! })).Records,
    ).toHaveLength(2);
  });
});
