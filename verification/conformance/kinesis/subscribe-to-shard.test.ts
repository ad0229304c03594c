import { afterEach, describe, expect, test } from "vitest";
import type { SubscribeToShardEvent, Subscription } from "../src/client.ts";
import * as suite from "../src/suite.ts";

const { newAccount, refused, shard, specify, timed, utf8, violates } = suite;

const trimHorizon = { Type: "TRIM_HORIZON" };

const open: Subscription[] = [];

async function streamWithConsumer(input: object = {}) {
  const account = newAccount();
  const stream = await account.stream({ ...input });
  const ConsumerARN = await account.consumer(stream);
  const subscribe = async (StartingPosition: object = trimHorizon, ShardId = shard(0)) => {
    const subscription = await account.subscribe({ ConsumerARN, ShardId, StartingPosition });
    open.push(subscription);
    return subscription;
  };
  const put = (...texts: string[]) =>
    account.call("PutRecords", {
      StreamName: stream.name,
      Records: texts.map((text) => ({ Data: utf8(text), PartitionKey: "k", ExplicitHashKey: "0" })),
    });
  return { account, stream, ConsumerARN, subscribe, put };
}

/** Events up to the one with which this many records have come. */
async function events(subscription: Subscription, recordCount: number): Promise<SubscribeToShardEvent[]> {
  const seen: SubscribeToShardEvent[] = [];
  for (let count = 0; count < recordCount;) {
    const event = await subscription.next();
    if (event === undefined) expect.fail(`the subscription ended after ${count} records`);
    seen.push(event);
    count += event.Records.length;
  }
  return seen;
}

const texts = (seen: SubscribeToShardEvent[]) =>
  seen.flatMap(({ Records }) => Records.map(({ Data }) => suite.text(Data)));

/** The next event that has no records; those that have some are dropped. */
async function nextEmpty(subscription: Subscription): Promise<SubscribeToShardEvent> {
  for (;;) {
    const event = await subscription.next();
    if (event === undefined) expect.fail("the subscription ended");
    if (event.Records.length === 0) return event;
  }
}

specify("SubscribeToShard", () => {
  afterEach(() => {
    for (const subscription of open.splice(0)) subscription.close();
  });

  test("pushes the records that are there and those that come", async () => {
    const { subscribe, put } = await streamWithConsumer();
    await put("old 1", "old 2");
    const subscription = await subscribe();
    expect(texts(await events(subscription, 2))).toEqual(["old 1", "old 2"]);
    await put("new 1");
    await put("new 2");
    const seen = await events(subscription, 2);
    expect(texts(seen)).toEqual(["new 1", "new 2"]);
    const last = seen.at(-1);
    expect(last?.MillisBehindLatest).toBe(0);
    expect(last?.ContinuationSequenceNumber).toMatch(/^49\d{54}$/);
    const record = last?.Records.at(-1);
    expect(record).toMatchObject({ PartitionKey: "k" });
    expect(record?.ApproximateArrivalTimestamp).toBeInstanceOf(Date);
    expect(record?.EncryptionType).toBeUndefined();
  });

  test("pushes the same records that GetRecords reads", async () => {
    const { account, stream, subscribe, put } = await streamWithConsumer();
    await put("a", "b", "c");
    const pushed = (await events(await subscribe(), 3)).flatMap(({ Records }) => Records);
    const pulled = await suite.readShard(account, stream);
    expect(pushed.map(({ SequenceNumber }) => SequenceNumber)).toEqual(
      pulled.map(({ SequenceNumber }) => SequenceNumber),
    );
  });

  describe("a starting position", () => {
    test("LATEST leaves out what was there before", async () => {
      const { subscribe, put } = await streamWithConsumer();
      await put("before");
      const subscription = await subscribe({ Type: "LATEST" });
      await put("after");
      expect(texts(await events(subscription, 1))).toEqual(["after"]);
    });

    test.each([
      { Type: "AT_SEQUENCE_NUMBER", expected: ["b", "c"] },
      { Type: "AFTER_SEQUENCE_NUMBER", expected: ["c"] },
    ])("$Type starts there", async ({ Type, expected }) => {
      const { subscribe, put } = await streamWithConsumer();
      const { Records } = await put("a", "b", "c");
      const subscription = await subscribe({ Type, SequenceNumber: Records[1]?.SequenceNumber });
      expect(texts(await events(subscription, expected.length))).toEqual(expected);
    });

    test("AT_TIMESTAMP starts with what arrived then or later", async () => {
      const { account, stream, subscribe, put } = await streamWithConsumer();
      await put("a");
      const [first] = await suite.readShard(account, stream);
      const subscription = await subscribe({
        Type: "AT_TIMESTAMP",
        Timestamp: first?.ApproximateArrivalTimestamp,
      });
      expect(texts(await events(subscription, 1))).toEqual(["a"]);
    });

    test("may be the continuation of an earlier event", async () => {
      const { account, stream, subscribe, put } = await streamWithConsumer();
      await put("a", "b");
      const [seen] = await events(await subscribe(), 2);
      await put("c");
      // Another consumer, since the first one is still subscribed.
      const next = await account.subscribe({
        ConsumerARN: await account.consumer(stream),
        ShardId: shard(0),
        StartingPosition: { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: seen?.ContinuationSequenceNumber },
      });
      open.push(next);
      expect(texts(await events(next, 1))).toEqual(["c"]);
    });

    test.each([
      { Type: "AT_SEQUENCE_NUMBER", what: "a sequence number" },
      { Type: "AFTER_SEQUENCE_NUMBER", what: "a sequence number" },
      { Type: "AT_TIMESTAMP", what: "a timestamp" },
    ])("$Type needs $what", async ({ Type }) => {
      const { account, ConsumerARN } = await streamWithConsumer();
      await suite.refusedAsInvalid(
        "SubscribeToShard",
        account.subscribe({ ConsumerARN, ShardId: shard(0), StartingPosition: { Type } }),
      );
    });
  });

  timed("sends an event without records when nothing happened for five seconds", async (advance) => {
    const { subscribe, put } = await streamWithConsumer();
    await put("a");
    const subscription = await subscribe();
    await events(subscription, 1);
    const idle = nextEmpty(subscription);
    await advance(5_500);
    const first = await idle;
    expect(first.MillisBehindLatest).toBe(0);
    expect(first.ContinuationSequenceNumber).toMatch(/^49\d{54}$/);
  });

  timed("ends after five minutes", async (advance) => {
    const { subscribe, put } = await streamWithConsumer();
    const subscription = await subscribe();
    await advance(301_000);
    await put("late");
    const seen: SubscribeToShardEvent[] = [];
    for (let event = await subscription.next(); event !== undefined; event = await subscription.next())
      seen.push(event);
    expect(texts(seen)).toEqual([]);
  });

  describe("of one consumer to one shard", () => {
    test("there is one in five seconds", async () => {
      const { account, ConsumerARN, subscribe } = await streamWithConsumer();
      await subscribe();
      // The call rate is one a second: what is looked at here is the rule behind it.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      await refused(
        "SubscribeToShard",
        "ResourceInUseException",
        account.subscribe({ ConsumerARN, ShardId: shard(0), StartingPosition: trimHorizon }),
      );
    });

    test("there is one call a second, even of calls that are refused", async () => {
      const { account, ConsumerARN } = await streamWithConsumer();
      const StartingPosition = { Type: "AT_SEQUENCE_NUMBER", SequenceNumber: suite.neverGiven };
      await suite.meetsLimit(
        "SubscribeToShard",
        "LimitExceededException",
        suite.times(5, () => account.subscribe({ ConsumerARN, ShardId: shard(0), StartingPosition })),
        /^Rate exceeded for /,
      );
    });

    timed("a later one takes over, and the earlier one ends", async (advance) => {
      const { subscribe, put } = await streamWithConsumer();
      const first = await subscribe();
      await advance(6_000);
      const second = await subscribe();
      await put("x");
      expect(texts(await events(second, 1))).toEqual(["x"]);
      const rest = await (async () => {
        const seen: SubscribeToShardEvent[] = [];
        for (let event = await first.next(); event !== undefined; event = await first.next())
          seen.push(event);
        return texts(seen);
      })().catch((error: suite.CallError) => {
        expect(error.code).toBe("ResourceInUseException");
        return [];
      });
      expect(rest).toEqual([]);
    });

    test("another consumer, and another shard, do not disturb it", async () => {
      const { account, stream, subscribe, put } = await streamWithConsumer({ ShardCount: 2 });
      const other = await account.consumer(stream);
      const first = await subscribe();
      await subscribe(trimHorizon, shard(1));
      const second = await account.subscribe({
        ConsumerARN: other,
        ShardId: shard(0),
        StartingPosition: trimHorizon,
      });
      open.push(second);
      await put("both");
      expect(texts(await events(first, 1))).toEqual(["both"]);
      expect(texts(await events(second, 1))).toEqual(["both"]);
    });
  });

  test("tells the children when the shard has ended, and ends", async () => {
    const { account, stream, subscribe, put } = await streamWithConsumer();
    await put("a");
    const subscription = await subscribe();
    await events(subscription, 1);
    await account.call("SplitShard", {
      StreamName: stream.name,
      ShardToSplit: shard(0),
      NewStartingHashKey: "1000",
    });
    let last: SubscribeToShardEvent | undefined;
    for (let event = await subscription.next(); event !== undefined; event = await subscription.next())
      last = event;
    expect(last?.ChildShards.map(({ ShardId, ParentShards }) => ({ ShardId, ParentShards }))).toEqual([
      { ShardId: shard(1), ParentShards: [shard(0)] },
      { ShardId: shard(2), ParentShards: [shard(0)] },
    ]);
    expect(last?.ContinuationSequenceNumber).toBeFalsy();
  });

  test("records of 2 MB come in several events, none of them lost", async () => {
    const { account, stream, subscribe } = await streamWithConsumer();
    for (let index = 0; index < 4; index++) {
      await suite.patiently(() =>
        account.call("PutRecord", {
          StreamName: stream.name,
          Data: new Uint8Array(500_000).fill(index),
          PartitionKey: "k",
        }),
      );
    }
    const seen = await events(await subscribe(), 4);
    const records = seen.flatMap(({ Records }) => Records);
    expect(records.map(({ Data }) => [Data.length, Data[0]])).toEqual(
      suite.times(4, (index) => [500_000, index]),
    );
  });

  test("refuses a consumer that nobody knows", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "SubscribeToShard",
      "ResourceNotFoundException",
      account.subscribe({
        ConsumerARN: `${arn}/consumer/none:1700000000`,
        ShardId: shard(0),
        StartingPosition: trimHorizon,
      }),
    );
  });

  test("refuses a shard that the stream does not have", async () => {
    const { account, ConsumerARN } = await streamWithConsumer();
    await refused(
      "SubscribeToShard",
      "ResourceNotFoundException",
      account.subscribe({ ConsumerARN, ShardId: shard(5), StartingPosition: trimHorizon }),
    );
  });

  test("refuses a consumer that is still being created", async () => {
    const account = newAccount();
    await suite.whileInState(async () => {
      const { arn } = await account.stream();
      const { Consumer } = await suite.patiently(() =>
        account.call("RegisterStreamConsumer", { StreamARN: arn, ConsumerName: "young" }),
      );
      await refused(
        "SubscribeToShard",
        "ResourceInUseException",
        account.subscribe({
          ConsumerARN: Consumer.ConsumerARN,
          ShardId: shard(0),
          StartingPosition: trimHorizon,
        }),
      );
    });
  });

  test("refuses a sequence number that the service never gave", async () => {
    const { account, ConsumerARN } = await streamWithConsumer();
    await refused(
      "SubscribeToShard",
      "InvalidArgumentException",
      account.subscribe({
        ConsumerARN,
        ShardId: shard(0),
        StartingPosition: { Type: "AT_SEQUENCE_NUMBER", SequenceNumber: suite.neverGiven },
      }),
    );
  });

  suite.member("DryRun", "a dry run says that it would succeed", async () => {
    const { account, ConsumerARN } = await streamWithConsumer();
    await refused(
      "SubscribeToShard",
      "DryRunOperationException",
      account.subscribe({ ConsumerARN, ShardId: shard(0), StartingPosition: trimHorizon, DryRun: true }),
    );
  });

  describe("validation", () => {
    test("a consumer, a shard and a position are needed", async () => {
      await violates("SubscribeToShard", newAccount().subscribe({}), [
        suite.mustNotBeNull("consumerARN"),
        suite.mustNotBeNull("shardId"),
        suite.mustNotBeNull("startingPosition"),
      ]);
    });

    test("a consumer's ARN looks like one", async () => {
      await violates(
        "SubscribeToShard",
        newAccount().subscribe({ ConsumerARN: "x", ShardId: shard(0), StartingPosition: trimHorizon }),
        [suite.offPattern("consumerARN", "x", suite.patterns.consumerARN)],
      );
    });

    test("a position has one of five types", async () => {
      const account = newAccount();
      const ConsumerARN = `${await suite.arnOf(account, "none")}/consumer/none:1700000000`;
      await suite.violatesValues(
        "SubscribeToShard",
        account.subscribe({ ConsumerARN, ShardId: shard(0), StartingPosition: { Type: "NOW" } }),
        "startingPosition.type",
        "NOW",
        ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
      );
    });
  });

  suite.injectedErrors("SubscribeToShard", async (account) => ({
    ConsumerARN: await account.consumer(await account.stream()),
    ShardId: shard(0),
    StartingPosition: trimHorizon,
  }));
});
