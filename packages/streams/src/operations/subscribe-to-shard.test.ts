import { describe, expect, test } from "vitest";
import {
  failureOfNext,
  fanOut,
  inputOf,
  isSettled,
  next,
  put,
  STREAM,
  subscribe,
  textsOf,
} from "../fan-out/fan-out-under-test.ts";

describe("where a subscription starts", () => {
  test("each type of position", async () => {
    const world = await fanOut();
    const { clock } = world;
    const numbers = await put(world, "one");
    await clock.advance(1_000);
    const timestamp = clock.nowMs();
    numbers.push(...(await put(world, "two", "three")));
    const cases: [object, string[]][] = [
      [{ Type: "TRIM_HORIZON" }, ["one", "two", "three"]],
      [{ Type: "AT_SEQUENCE_NUMBER", SequenceNumber: numbers[1] }, ["two", "three"]],
      [{ Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: numbers[1] }, ["three"]],
      [{ Type: "AT_TIMESTAMP", Timestamp: timestamp }, ["two", "three"]],
    ];
    for (const [position, expected] of cases) {
      const events = await subscribe(world, world.arn, position);
      expect(textsOf(await next(events))).toEqual(expected);
      await events.return!();
      await clock.advance(5_000);
    }
    const events = await subscribe(world, world.arn);
    const first = next(events);
    expect(await isSettled(first)).toBe(false);
    await put(world, "four");
    expect(textsOf(await first)).toEqual(["four"]);
  });

  test("LATEST is the tip at the time of the call", async () => {
    const world = await fanOut();
    const events = await subscribe(world, world.arn);
    await put(world, "after");
    expect(textsOf(await next(events))).toEqual(["after"]);
  });

  test("a position without its member, or of another shard, is refused", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    for (const position of [
      { Type: "AT_SEQUENCE_NUMBER" },
      { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: "5" },
      { Type: "AT_TIMESTAMP" },
      { Type: "AT_TIMESTAMP", Timestamp: world.clock.nowMs() + 10_000 },
    ]) {
      expect(await world.failureOf("SubscribeToShard", inputOf(world.arn, position))).toMatchObject({
        code: "InvalidArgumentException",
      });
    }
    await subscribe(world, world.arn);
  });
});

describe("one subscription for each consumer and shard", () => {
  test("another within five seconds is refused, also when the first has ended", async () => {
    const world = await fanOut();
    const events = await subscribe(world, world.arn);
    const refusal = {
      code: "ResourceInUseException",
      message: "Another active subscription exists for this consumer: 123456789012:s:shardId-000000000000:c0",
      status: 400,
    };
    expect(await world.failureOf("SubscribeToShard", inputOf(world.arn))).toEqual(refusal);
    await events.return!();
    await world.clock.advance(4_999);
    expect(await world.failureOf("SubscribeToShard", inputOf(world.arn))).toEqual(refusal);
    await world.clock.advance(1);
    await subscribe(world, world.arn);
  });

  test("after five seconds it takes over, and the first fails in its stream", async () => {
    const world = await fanOut();
    const waiting = await subscribe(world, world.arn);
    await world.clock.advance(4_999);
    expect((await next(waiting)).Records).toEqual([]);
    const pending = failureOfNext(waiting);
    await world.clock.advance(1);
    const events = await subscribe(world, world.arn);
    expect(await pending).toEqual({
      code: "ResourceInUseException",
      message: "Another active subscription exists for this consumer: 123456789012:s:shardId-000000000000:c0",
    });
    await put(world, "one");
    expect(textsOf(await next(events))).toEqual(["one"]);
  });

  test("a stalled one that is taken over learns of it when it asks again", async () => {
    const world = await fanOut();
    const stalled = await subscribe(world, world.arn);
    await world.clock.advance(5_000);
    await subscribe(world, world.arn);
    expect(await failureOfNext(stalled)).toEqual({
      code: "ResourceInUseException",
      message: "Another active subscription exists for this consumer: 123456789012:s:shardId-000000000000:c0",
    });
  });

  test("of two calls at once one succeeds", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    const outcomes = await Promise.allSettled(
      [1, 2].map(() => world.call("SubscribeToShard", inputOf(world.arn))),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("a call a second is answered", async () => {
    const world = await fanOut();
    const wrong = inputOf(world.arn, { Type: "AT_SEQUENCE_NUMBER", SequenceNumber: "5" });
    expect((await world.failureOf("SubscribeToShard", wrong)).code).toBe("InvalidArgumentException");
    expect((await world.failureOf("SubscribeToShard", wrong)).code).toBe("LimitExceededException");
    await world.clock.advance(1_000);
    expect((await world.failureOf("SubscribeToShard", wrong)).code).toBe("InvalidArgumentException");
  });

  test("a dry run succeeds with an error, and takes nobody's place", async () => {
    const world = await fanOut();
    const events = await subscribe(world, world.arn);
    await world.clock.advance(5_000);
    expect(await world.failureOf("SubscribeToShard", { ...inputOf(world.arn), DryRun: true })).toMatchObject({
      code: "DryRunOperationException",
    });
    await put(world, "one");
    expect(textsOf(await next(events))).toEqual(["one"]);
  });

  test("what is not there, or not ready, cannot be subscribed to", async () => {
    const world = await fanOut();
    const { call, clock, failureOf } = world;
    const { Consumer } = await call("RegisterStreamConsumer", { StreamARN: STREAM, ConsumerName: "new" });
    const seconds = Math.floor(clock.nowMs() / 1_000);
    expect(await failureOf("SubscribeToShard", inputOf(Consumer.ConsumerARN))).toMatchObject({
      code: "ResourceInUseException",
      message:
        `Consumer new with creation timestamp ${seconds} under stream: s , account 123456789012 ` +
        "is not in ACTIVE status.",
    });
    const stranger = world.arn.replace("c0", "c9");
    expect(await failureOf("SubscribeToShard", inputOf(stranger))).toMatchObject({
      code: "ResourceNotFoundException",
      message: `Consumer ${stranger}, account 123456789012 not found.`,
    });
    expect(
      await failureOf("SubscribeToShard", { ...inputOf(world.arn), ShardId: "shardId-000000000009" }),
    ).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Shard shardId-000000000009 in stream s under account 123456789012 does not exist",
    });
    const elsewhere = world.arn.replace("stream/s/", "stream/t/");
    expect(await failureOf("SubscribeToShard", inputOf(elsewhere))).toMatchObject({
      code: "ResourceNotFoundException",
      message: "Stream t under account 123456789012 not found.",
    });
  });
});
