import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, patiently, refused, shard, specify, timed, times, utf8, violates } = suite;

async function streamWith(count: number) {
  const account = newAccount();
  const stream = await account.stream();
  if (count > 0) {
    await account.call("PutRecords", {
      StreamName: stream.name,
      Records: times(count, (index) => ({ Data: utf8(String(index)), PartitionKey: `key ${index}` })),
    });
  }
  const ShardIterator = await account.iterator(stream, shard(0));
  return { account, stream, ShardIterator };
}

const dataOf = ({ Records }: suite.Answer<"GetRecords">) => Records.map(({ Data }) => suite.text(Data));

specify("GetRecords", () => {
  test("answers the records from the iterator on, oldest first", async () => {
    const { account, ShardIterator } = await streamWith(3);
    const answer = await account.call("GetRecords", { ShardIterator });
    expect(dataOf(answer)).toEqual(["0", "1", "2"]);
    expect(answer.MillisBehindLatest).toBe(0);
    expect(answer.ChildShards ?? []).toEqual([]);
    expect(answer.NextShardIterator).toBeTruthy();
    const [first] = answer.Records;
    expect(first?.PartitionKey).toBe("key 0");
    expect(first?.SequenceNumber).toMatch(/^49\d{54}$/);
    expect(first?.ApproximateArrivalTimestamp).toBeInstanceOf(Date);
    expect(first?.EncryptionType).toBeUndefined();
  });

  test("stamps records with the time of their arrival, to the millisecond", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    const createdMs = StreamDescriptionSummary.StreamCreationTimestamp.getTime();
    for (let index = 0; index < 5; index++) {
      await account.call("PutRecord", { StreamName: stream.name, Data: utf8("x"), PartitionKey: "k" });
    }
    const arrivals = (await suite.readShard(account, stream)).map(({ ApproximateArrivalTimestamp }) =>
      ApproximateArrivalTimestamp.getTime(),
    );
    expect(arrivals).toEqual(arrivals.toSorted((left, right) => left - right));
    expect(arrivals[0]).toBeGreaterThanOrEqual(createdMs);
    expect(arrivals[0]).toBeLessThan(createdMs + 60_000);
  });

  test("goes on where the last answer ended", async () => {
    const { account, ShardIterator } = await streamWith(5);
    const first = await account.call("GetRecords", { ShardIterator, Limit: 2 });
    const second = await account.call("GetRecords", { ShardIterator: first.NextShardIterator, Limit: 2 });
    const third = await account.call("GetRecords", { ShardIterator: second.NextShardIterator });
    expect([dataOf(first), dataOf(second), dataOf(third)]).toEqual([["0", "1"], ["2", "3"], ["4"]]);
    expect(first.MillisBehindLatest).toBeGreaterThanOrEqual(0);
    expect(third.MillisBehindLatest).toBe(0);
  });

  test("an iterator may be used again and answers the same", async () => {
    const { account, ShardIterator } = await streamWith(2);
    const first = await account.call("GetRecords", { ShardIterator });
    const second = await account.call("GetRecords", { ShardIterator });
    expect(dataOf(second)).toEqual(dataOf(first));
  });

  test("an answer without records still advances", async () => {
    const { account, stream, ShardIterator } = await streamWith(0);
    const first = await account.call("GetRecords", { ShardIterator });
    expect(first.Records).toEqual([]);
    expect(first.MillisBehindLatest).toBe(0);
    const second = await account.call("GetRecords", { ShardIterator: first.NextShardIterator });
    expect(second.Records).toEqual([]);
    expect(new Set([ShardIterator, first.NextShardIterator, second.NextShardIterator]).size).toBe(3);
    await account.call("PutRecord", { StreamName: stream.name, Data: utf8("new"), PartitionKey: "k" });
    const third = await account.call("GetRecords", { ShardIterator: second.NextShardIterator });
    expect(dataOf(third)).toEqual(["new"]);
  });

  test("takes an iterator in double quotes", async () => {
    const { account, ShardIterator } = await streamWith(1);
    const answer = await account.call("GetRecords", { ShardIterator: `"${ShardIterator}"` });
    expect(dataOf(answer)).toEqual(["0"]);
  });

  timed("tells how far behind the reader is", async (advance) => {
    const { account, stream, ShardIterator } = await streamWith(1);
    await advance(60_000);
    await account.call("PutRecord", { StreamName: stream.name, Data: utf8("new"), PartitionKey: "k" });
    const first = await account.call("GetRecords", { ShardIterator, Limit: 1 });
    expect(first.MillisBehindLatest).toBeGreaterThan(0);
    expect(first.MillisBehindLatest).toBeLessThan(70_000);
    const second = await account.call("GetRecords", { ShardIterator: first.NextShardIterator });
    expect(dataOf(second)).toEqual(["new"]);
    expect(second.MillisBehindLatest).toBe(0);
  });

  test("takes the stream's ARN beside the iterator", async () => {
    const { account, stream, ShardIterator } = await streamWith(1);
    const answer = await account.call("GetRecords", { ShardIterator, StreamARN: stream.arn });
    expect(dataOf(answer)).toEqual(["0"]);
  });

  describe("an iterator", () => {
    timed("is good for five minutes", async (advance) => {
      const { account, ShardIterator } = await streamWith(1);
      await advance(290_000);
      await account.call("GetRecords", { ShardIterator });
      await advance(11_000);
      await refused(
        "GetRecords",
        "ExpiredIteratorException",
        account.call("GetRecords", { ShardIterator }),
        /^Iterator expired\. The iterator was created at time \w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4} while right now it is \w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4} which is further in the future than the tolerated delay of 300000 milliseconds\.$/,
      );
    });

    test.each(["not an iterator", "AAAAAAAAAAEAAAA", "AAAA", "%%%"])(
      "that nobody gave out is refused: %j",
      async (ShardIterator) => {
        await refused(
          "GetRecords",
          "InvalidArgumentException",
          newAccount().call("GetRecords", { ShardIterator }),
          "Invalid ShardIterator.",
        );
      },
    );

    test("that was tampered with is refused", async () => {
      const { account, ShardIterator } = await streamWith(1);
      const middle = Math.floor(ShardIterator.length / 2);
      const other = ShardIterator[middle] === "A" ? "B" : "A";
      await refused(
        "GetRecords",
        "InvalidArgumentException",
        account.call("GetRecords", {
          ShardIterator: ShardIterator.slice(0, middle) + other + ShardIterator.slice(middle + 1),
        }),
        "Invalid ShardIterator.",
      );
    });

    test("of a stream that was deleted finds nothing, nor in a new stream of that name", async () => {
      const { account, stream, ShardIterator } = await streamWith(1);
      await account.call("DeleteStream", { StreamName: stream.name });
      await suite.until(`${stream.name} is gone`, () =>
        patiently(() => account.call("ListStreams")).then(
          ({ StreamNames }) => !StreamNames.includes(stream.name),
        ),
      );
      await refused("GetRecords", "ResourceNotFoundException", account.call("GetRecords", { ShardIterator }));
      await account.stream({ StreamName: stream.name });
      await account.call("GetRecords", { ShardIterator }).then(
        ({ Records }) => expect.fail(`read ${Records.length} records of another stream`),
        (error: suite.CallError) =>
          expect(["ResourceNotFoundException", "InvalidArgumentException"]).toContain(error.code),
      );
    });
  });

  timed("does not answer records whose retention is over", async (advance) => {
    const { account, stream } = await streamWith(1);
    await advance(23 * 3_600_000);
    await account.call("PutRecord", { StreamName: stream.name, Data: utf8("young"), PartitionKey: "k" });
    await advance(2 * 3_600_000);
    const read = await suite.readShard(account, stream);
    expect(read.map(({ Data }) => suite.text(Data))).toEqual(["young"]);
  });

  test("answers at most 10,000 records", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const Records = times(500, () => ({ Data: utf8("x"), PartitionKey: "k" }));
    await account.call("PutRecords", { StreamName: name, Records });
    const ShardIterator = await account.iterator({ name, arn: "" }, shard(0));
    const answer = await account.call("GetRecords", { ShardIterator, Limit: 10_000 });
    expect(answer.Records).toHaveLength(500);
    const one = await account.call("GetRecords", { ShardIterator, Limit: 1 });
    expect(one.Records).toHaveLength(1);
  });

  describe("at the end of a closed shard", () => {
    test("there is no next iterator, and the children are told", async () => {
      const { account, stream, ShardIterator } = await streamWith(1);
      await account.call("SplitShard", {
        StreamName: stream.name,
        ShardToSplit: shard(0),
        NewStartingHashKey: "1000",
      });
      await account.settled(stream.name);
      expect(dataOf(await account.call("GetRecords", { ShardIterator }))).toEqual(["0"]);
      const answer = await suite.readToEnd(account, stream);
      expect(answer.ChildShards).toEqual([
        {
          ShardId: shard(1),
          ParentShards: [shard(0)],
          HashKeyRange: { StartingHashKey: "0", EndingHashKey: "999" },
        },
        {
          ShardId: shard(2),
          ParentShards: [shard(0)],
          HashKeyRange: { StartingHashKey: "1000", EndingHashKey: String(suite.ring.last) },
        },
      ]);
      expect(answer.MillisBehindLatest).toBe(0);
    });
  });

  test("is limited to five calls a second for a shard", async () => {
    const { account, stream, ShardIterator } = await streamWith(1);
    const { accepted } = await suite.meetsLimit(
      "GetRecords",
      "ProvisionedThroughputExceededException",
      suite.burst(account, "GetRecords", 20, () => ({ ShardIterator })),
      suite.readRateOfShard(shard(0), stream.name, await account.id()),
    );
    expect(accepted).toBeLessThan(15);
  });

  suite.member("DryRun", "a dry run says that it would succeed", async () => {
    const { account, ShardIterator } = await streamWith(1);
    await refused(
      "GetRecords",
      "DryRunOperationException",
      account.call("GetRecords", { ShardIterator, DryRun: true }),
    );
  });

  describe("validation", () => {
    test.each([
      { rule: "an iterator is needed", input: {}, expected: [suite.mustNotBeNull("shardIterator")] },
      {
        rule: "an iterator is not empty",
        input: { ShardIterator: "" },
        expected: [suite.tooShort("shardIterator", "", 1)],
      },
      {
        rule: "an iterator has at most 512 characters",
        input: { ShardIterator: "A".repeat(513) },
        expected: [suite.tooLong("shardIterator", "A".repeat(513), 512)],
      },
      {
        rule: "at least one record is asked for",
        input: { ShardIterator: "A", Limit: 0 },
        expected: [suite.tooSmall("limit", 0, 1)],
      },
      {
        rule: "at most 10,000 records are asked for",
        input: { ShardIterator: "A", Limit: 10_001 },
        expected: [suite.tooLarge("limit", 10_001, 10_000)],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates("GetRecords", newAccount().call("GetRecords", input), expected);
    });
  });

  suite.injectedErrors("GetRecords", async (account) => {
    const stream = await account.stream();
    return { ShardIterator: await account.iterator(stream, shard(0)) };
  });
});
