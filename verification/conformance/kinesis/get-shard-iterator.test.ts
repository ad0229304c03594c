import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, shard, specify, timed, times, utf8, violates } = suite;

/** A stream of one shard with these records in it, put one by one. */
async function streamWith(...texts: string[]) {
  const account = newAccount();
  const stream = await account.stream();
  const sequenceNumbers: string[] = [];
  for (const text of texts) {
    const { SequenceNumber } = await account.call("PutRecord", {
      StreamName: stream.name,
      Data: utf8(text),
      PartitionKey: "k",
    });
    sequenceNumbers.push(SequenceNumber);
  }
  const readFrom = async (position: object) => {
    const ShardIterator = await account.iterator(stream, shard(0), { ...position });
    const { Records } = await account.call("GetRecords", { ShardIterator });
    return Records.map(({ Data }) => suite.text(Data));
  };
  return { account, stream, sequenceNumbers, readFrom };
}

const trimHorizon = { ShardId: shard(0), ShardIteratorType: "TRIM_HORIZON" };

specify("GetShardIterator", () => {
  describe("a position", () => {
    test("TRIM_HORIZON is the oldest record", async () => {
      const { readFrom } = await streamWith("a", "b", "c");
      expect(await readFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["a", "b", "c"]);
    });

    test("AT_SEQUENCE_NUMBER is the record itself", async () => {
      const { readFrom, sequenceNumbers } = await streamWith("a", "b", "c");
      const position = {
        ShardIteratorType: "AT_SEQUENCE_NUMBER",
        StartingSequenceNumber: sequenceNumbers[1],
      };
      expect(await readFrom(position)).toEqual(["b", "c"]);
    });

    test("AFTER_SEQUENCE_NUMBER is the next record", async () => {
      const { readFrom, sequenceNumbers } = await streamWith("a", "b", "c");
      const position = {
        ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
        StartingSequenceNumber: sequenceNumbers[1],
      };
      expect(await readFrom(position)).toEqual(["c"]);
    });

    test("AT_SEQUENCE_NUMBER of the shard's first number is its beginning", async () => {
      const { account, stream, readFrom } = await streamWith("a");
      const { Shards } = await account.call("ListShards", { StreamName: stream.name });
      const StartingSequenceNumber = Shards[0]?.SequenceNumberRange.StartingSequenceNumber;
      expect(await readFrom({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber })).toEqual([
        "a",
      ]);
    });

    test("LATEST is where the shard ends when the iterator is made", async () => {
      const { account, stream } = await streamWith("before");
      const ShardIterator = await account.iterator(stream, shard(0), { ShardIteratorType: "LATEST" });
      await account.call("PutRecord", { StreamName: stream.name, Data: utf8("after"), PartitionKey: "k" });
      const { Records } = await account.call("GetRecords", { ShardIterator });
      expect(Records.map(({ Data }) => suite.text(Data))).toEqual(["after"]);
    });

    timed("AT_TIMESTAMP is the first record that arrived then or later", async (advance) => {
      const { account, stream, readFrom } = await streamWith("early");
      await advance(60_000);
      await account.call("PutRecord", { StreamName: stream.name, Data: utf8("late"), PartitionKey: "k" });
      const [early, late] = await suite.readShard(account, stream);
      const at = (date: Date | undefined, shiftMs = 0) => ({
        ShardIteratorType: "AT_TIMESTAMP",
        Timestamp: new Date((date?.getTime() ?? 0) + shiftMs),
      });
      const earlyAt = early?.ApproximateArrivalTimestamp;
      expect(await readFrom(at(earlyAt, -60_000))).toEqual(["early", "late"]);
      expect(await readFrom(at(earlyAt))).toEqual(["early", "late"]);
      expect(await readFrom(at(earlyAt, 1_000))).toEqual(["late"]);
      await advance(60_000);
      expect(await readFrom(at(late?.ApproximateArrivalTimestamp, 30_000))).toEqual([]);
    });
  });

  test("answers a token of at most 512 characters, another one each time", async () => {
    const { account, stream } = await streamWith("a");
    const first = await account.iterator(stream, shard(0));
    const second = await account.iterator(stream, shard(0));
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThanOrEqual(512);
    expect(second.length).toBeLessThanOrEqual(512);
  });

  describe("a starting sequence number", () => {
    const either =
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or " +
      "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. ";

    test.each(["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])(
      "is needed for %s",
      async (ShardIteratorType) => {
        const { account, stream } = await streamWith();
        await refused(
          "GetShardIterator",
          "InvalidArgumentException",
          account.iterator(stream, shard(0), { ShardIteratorType }),
          `${either}Request specified ${ShardIteratorType} and no StartingSequenceNumber.`,
        );
      },
    );

    test.each(["TRIM_HORIZON", "LATEST"])("is not taken for %s", async (ShardIteratorType) => {
      const { account, stream, sequenceNumbers } = await streamWith("a");
      await refused(
        "GetShardIterator",
        "InvalidArgumentException",
        account.iterator(stream, shard(0), { ShardIteratorType, StartingSequenceNumber: sequenceNumbers[0] }),
        `${either}Request specified ${ShardIteratorType} and also a StartingSequenceNumber.`,
      );
    });

    test("that the service never gave is refused", async () => {
      const { account, stream } = await streamWith("a");
      await refused(
        "GetShardIterator",
        "InvalidArgumentException",
        account.iterator(stream, shard(0), {
          ShardIteratorType: "AT_SEQUENCE_NUMBER",
          StartingSequenceNumber: suite.neverGiven,
        }),
        `StartingSequenceNumber ${suite.neverGiven} used in GetShardIterator on shard ${shard(0)} in stream ${stream.name} under account ${await account.id()} is invalid.`,
      );
    });

    test("of another shard is refused", async () => {
      const account = newAccount();
      const stream = await account.stream({ ShardCount: 2 });
      const { SequenceNumber } = await account.call("PutRecord", {
        StreamName: stream.name,
        Data: utf8("x"),
        PartitionKey: "k",
        ExplicitHashKey: "0",
      });
      await refused(
        "GetShardIterator",
        "InvalidArgumentException",
        account.iterator(stream, shard(1), {
          ShardIteratorType: "AT_SEQUENCE_NUMBER",
          StartingSequenceNumber: SequenceNumber,
        }),
      );
    });

    test("is a number", async () => {
      const { account, stream } = await streamWith();
      await violates(
        "GetShardIterator",
        account.iterator(stream, shard(0), {
          ShardIteratorType: "AT_SEQUENCE_NUMBER",
          StartingSequenceNumber: "abc",
        }),
        [suite.offPattern("startingSequenceNumber", "abc", suite.patterns.sequenceNumber)],
      );
    });
  });

  describe("a timestamp", () => {
    test("is needed for AT_TIMESTAMP", async () => {
      const { account, stream } = await streamWith();
      await refused(
        "GetShardIterator",
        "InvalidArgumentException",
        account.iterator(stream, shard(0), { ShardIteratorType: "AT_TIMESTAMP" }),
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.",
      );
    });

    test("is not in the future", async () => {
      const { account, stream } = await streamWith();
      await refused(
        "GetShardIterator",
        "InvalidArgumentException",
        account.iterator(stream, shard(0), {
          ShardIteratorType: "AT_TIMESTAMP",
          Timestamp: new Date("2090-01-01"),
        }),
        /^The timestampInMillis parameter cannot be greater than the currentTimestampInMillis\. timestampInMillis: 3786912000000, currentTimestampInMillis: \d{13}$/,
      );
    });
  });

  describe("a shard", () => {
    test("that the stream does not have is refused", async () => {
      const { account, stream } = await streamWith();
      await refused(
        "GetShardIterator",
        "ResourceNotFoundException",
        account.iterator(stream, shard(7)),
        `Shard ${shard(7)} in stream ${stream.name} under account ${await account.id()} does not exist`,
      );
    });

    test("whose id is no shard id is refused", async () => {
      const { account, stream } = await streamWith();
      await refused(
        "GetShardIterator",
        "ResourceNotFoundException",
        account.iterator(stream, "shardId-abc"),
        `Could not find shard shardId-abc in stream ${stream.name} under account ${await account.id()}.`,
      );
    });
  });

  describe("validation", () => {
    test("a shard and a type are needed", async () => {
      await violates("GetShardIterator", newAccount().call("GetShardIterator", { StreamName: "none" }), [
        suite.mustNotBeNull("shardId"),
        suite.mustNotBeNull("shardIteratorType"),
      ]);
    });

    test("a type is one of five", async () => {
      await suite.violatesValues(
        "GetShardIterator",
        newAccount().call("GetShardIterator", {
          StreamName: "none",
          ShardId: shard(0),
          ShardIteratorType: "NEWEST",
        }),
        "shardIteratorType",
        "NEWEST",
        ["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"],
      );
    });
  });

  test("is limited to five calls a second for a shard", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "GetShardIterator",
      "ProvisionedThroughputExceededException",
      suite.burst(account, "GetShardIterator", 20, () => ({ StreamName: name, ...trimHorizon })),
      suite.rateOfShard(shard(0), name, await account.id()),
    );
  });

  suite.member("DryRun", "a dry run says that it would succeed", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "GetShardIterator",
      "DryRunOperationException",
      account.call("GetShardIterator", { StreamName: name, ...trimHorizon, DryRun: true }),
    );
  });

  test("makes iterators of many shards", async () => {
    const account = newAccount();
    const stream = await account.stream({ ShardCount: 8 });
    const iterators = await Promise.all(times(8, (index) => account.iterator(stream, shard(index))));
    expect(new Set(iterators).size).toBe(8);
  });

  suite.streamAddressing("GetShardIterator", () => trimHorizon, {
    unknown: (name, accountId) =>
      `Shard ${shard(0)} in stream ${name} under account ${accountId} does not exist`,
  });
  suite.injectedErrors("GetShardIterator", async (account) => ({
    StreamName: (await account.stream()).name,
    ...trimHorizon,
  }));
});
