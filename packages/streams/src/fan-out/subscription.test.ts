import { isCursor } from "@millrace/wire";
import { describe, expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";
import type { Event } from "./fan-out-under-test.ts";
import {
  engineWith,
  failureOfNext,
  fanOut,
  inputOf,
  isSettled,
  MIB,
  next,
  put,
  SHARD,
  STREAM,
  subscribe,
  textsOf,
} from "./fan-out-under-test.ts";

describe("events", () => {
  test("records are pushed as they become durable, with the number to go on from", async () => {
    const world = await fanOut();
    const events = await subscribe(world, world.arn);
    for (const text of ["one", "two", "three"]) {
      const event = next(events);
      expect(await isSettled(event)).toBe(false);
      await put(world, text);
      const { ChildShards, MillisBehindLatest, ...rest } = await event;
      expect(textsOf({ ...rest, MillisBehindLatest })).toEqual([text]);
      expect([ChildShards, MillisBehindLatest]).toEqual([undefined, 0]);
    }
  });

  test("the continuation number goes on exactly there, after it and at it", async () => {
    const world = await fanOut();
    await put(world, "one", "two");
    const events = await subscribe(world, world.arn, { Type: "TRIM_HORIZON" });
    const { ContinuationSequenceNumber, Records } = await next(events);
    expect(ContinuationSequenceNumber! > Records.at(-1)!.SequenceNumber).toBe(true);
    await events.return!();
    const [three] = await put(world, "three");
    expect(ContinuationSequenceNumber! < three!).toBe(true);
    for (const Type of ["AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"]) {
      await world.clock.advance(5_000);
      const again = await subscribe(world, world.arn, { Type, SequenceNumber: ContinuationSequenceNumber });
      expect(textsOf(await next(again))).toEqual(["three"]);
      await again.return!();
    }
  });

  test("a subscription that saw nothing can be continued too", async () => {
    const world = await fanOut();
    for (const position of [{ Type: "TRIM_HORIZON" }, { Type: "LATEST" }]) {
      const events = await subscribe(world, world.arn, position);
      const idle = next(events);
      await world.clock.advance(5_000);
      const { ContinuationSequenceNumber, ...event } = await idle;
      expect(event).toEqual({ Records: [], MillisBehindLatest: 0 });
      await events.return!();
      await put(world, "new");
      const again = await subscribe(world, world.arn, {
        Type: "AFTER_SEQUENCE_NUMBER",
        SequenceNumber: ContinuationSequenceNumber,
      });
      expect(textsOf(await next(again))).toEqual(["new"]);
      await again.return!();
      await world.clock.advance(5_000);
    }
  });

  test("an event comes within five seconds when nothing is written", async () => {
    const world = await fanOut();
    const events = await subscribe(world, world.arn);
    let idle = 0;
    const reading = (async () => {
      for (;;) {
        const { done } = await events.next();
        if (done === true) return;
        idle += 1;
      }
    })();
    for (let second = 0; second < 299; second += 1) {
      await world.clock.advance(1_000);
      expect(idle).toBeGreaterThanOrEqual(Math.floor((second + 1) / 5));
    }
    expect(idle).toBeLessThan(75);
    await world.clock.advance(1_000);
    await reading;
  });

  test("an event holds about 1 MiB, a larger record comes alone", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    const events = await subscribe(world, world.arn);
    await put(world, ...Array.from({ length: 9 }, () => "x".repeat(MIB / 4 - 1)));
    const sizes: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const { Records, MillisBehindLatest } = await next(events);
      sizes.push(Records.length);
      expect(MillisBehindLatest).toBe(0);
    }
    expect(sizes).toEqual([4, 4, 1]);
  });

  test("a record of 10 MiB is one event", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    await world.call("CreateStream", { StreamName: "big", ShardCount: 1, MaxRecordSizeInKiB: 10_240 });
    await world.clock.advance(50);
    const { Consumer } = await world.call("RegisterStreamConsumer", {
      StreamARN: STREAM.replace("/s", "/big"),
      ConsumerName: "c",
    });
    await world.clock.advance(50);
    const events = await subscribe(world, Consumer.ConsumerARN, { Type: "TRIM_HORIZON" });
    for (const size of [10, 10 * MIB - 1, 20]) {
      await world.call("PutRecord", { StreamName: "big", PartitionKey: "a", Data: Buffer.alloc(size) });
    }
    const sizes: number[][] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      sizes.push((await next(events)).Records.map(({ Data }) => Data.length));
    }
    expect(sizes).toEqual([[10], [10 * MIB - 1], [20]]);
  });

  test("a consumer gets 2 MiB a second of a shard, however often it subscribes", async () => {
    const world = await fanOut(1, { limits: { overrides: { shardWriteBytes: 1e9 } } });
    for (let turn = 0; turn < 12; turn += 1) {
      await put(world, ...Array.from({ length: 8 }, () => "x".repeat(MIB / 8 - 1)));
    }
    let bytes = 0;
    let events = await subscribe(world, world.arn, { Type: "TRIM_HORIZON" });
    let continuation: string | undefined;
    const startMs = world.clock.nowMs();
    const drain = async () => {
      for (;;) {
        const event = next(events);
        if (!(await isSettled(event))) return;
        const { Records, ContinuationSequenceNumber } = await event;
        bytes += Records.reduce((sum, { Data }) => sum + Data.length + 1, 0);
        continuation = ContinuationSequenceNumber;
      }
    };
    await drain();
    expect(bytes).toBe(2 * MIB);
    await events.return!();
    await world.clock.advance(5_000 - (world.clock.nowMs() - startMs));
    bytes = 0;
    events = await subscribe(world, world.arn, {
      Type: "AFTER_SEQUENCE_NUMBER",
      SequenceNumber: continuation,
    });
    const pump = (async () => {
      for (;;) {
        const { done, value } = await events.next();
        if (done === true) return;
        const { Records } = (value as { SubscribeToShardEvent: Event }).SubscribeToShardEvent;
        bytes += Records.reduce((sum, { Data }) => sum + Data.length + 1, 0);
      }
    })();
    const perSecond: number[] = [];
    for (let second = 0; second < 5; second += 1) {
      if (second > 0) await world.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
      perSecond.push(bytes);
      bytes = 0;
    }
    expect(perSecond.map((count) => count / MIB)).toEqual([2, 2, 2, 2, 2]);
    await events.return!();
    await pump;
  });

  test("who is behind is told by how much", async () => {
    const world = await fanOut(1, { limits: { overrides: { shardWriteBytes: 1e9 } } });
    for (let turn = 0; turn < 2; turn += 1) {
      await put(world, ...Array.from({ length: 4 }, () => "x".repeat(MIB / 4 - 1)));
      await world.clock.advance(10_000);
    }
    const events = await subscribe(world, world.arn, { Type: "TRIM_HORIZON" });
    expect([(await next(events)).MillisBehindLatest, (await next(events)).MillisBehindLatest]).toEqual([
      20_000, 0,
    ]);
  });
});

describe("the end of a subscription", () => {
  test("comes after five minutes", async () => {
    const world = await fanOut();
    const events = await subscribe(world, world.arn);
    await world.clock.advance(299_999);
    await put(world, "late");
    expect(textsOf(await next(events))).toEqual(["late"]);
    const last = events.next();
    await world.clock.advance(1);
    expect(await last).toEqual({ done: true, value: undefined });
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test("at the end of its shard it tells the children and no number, then it is over", async () => {
    const world = await fanOut();
    await put(world, "one");
    const waiting = await subscribe(world, world.arn);
    const end = next(waiting);
    await world.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: SHARD,
      NewStartingHashKey: String(1n << 127n),
    });
    await world.clock.advance(50);
    const { ChildShards, ContinuationSequenceNumber, Records } = await end;
    expect(Records).toEqual([]);
    expect(ContinuationSequenceNumber).toBeUndefined();
    expect(ChildShards).toMatchObject([
      { ShardId: "shardId-000000000001", ParentShards: [SHARD], HashKeyRange: { StartingHashKey: "0" } },
      { ShardId: "shardId-000000000002", ParentShards: [SHARD] },
    ]);
    expect(await waiting.next()).toEqual({ done: true, value: undefined });

    // Records come before the end, and LATEST of a closed shard is its end.
    for (const [position, texts] of [
      [{ Type: "TRIM_HORIZON" }, ["one"]],
      [{ Type: "LATEST" }, []],
    ] as const) {
      await world.clock.advance(5_000);
      const events = await subscribe(world, world.arn, position);
      const last = await next(events);
      expect(textsOf(last)).toEqual(texts);
      expect(last.ContinuationSequenceNumber).toBeUndefined();
      expect(last.ChildShards).toHaveLength(2);
      expect(await events.next()).toEqual({ done: true, value: undefined });
    }
  });

  test("a merge gives both parents the same child", async () => {
    const world = await fanOut();
    await world.call("UpdateShardCount", {
      StreamName: "s",
      TargetShardCount: 2,
      ScalingType: "UNIFORM_SCALING",
    });
    await world.clock.advance(50);
    const events = await Promise.all(
      ["shardId-000000000001", "shardId-000000000002"].map(async (ShardId) => {
        const { EventStream } = await world.call("SubscribeToShard", { ...inputOf(world.arn), ShardId });
        return EventStream[Symbol.asyncIterator]();
      }),
    );
    const ends = events.map((stream) => next(stream));
    await world.call("MergeShards", {
      StreamName: "s",
      ShardToMerge: "shardId-000000000001",
      AdjacentShardToMerge: "shardId-000000000002",
    });
    await world.clock.advance(50);
    for (const end of ends) {
      expect((await end).ChildShards).toMatchObject([
        { ShardId: "shardId-000000000003", ParentShards: ["shardId-000000000001", "shardId-000000000002"] },
      ]);
    }
  });

  test("a deleted stream or consumer ends it with ResourceNotFoundException", async () => {
    const world = await fanOut(2);
    const [first, second] = await Promise.all(world.arns.map((arn) => subscribe(world, arn)));
    const pending = failureOfNext(first!);
    await world.call("DeregisterStreamConsumer", { ConsumerARN: world.arn });
    expect(await pending).toEqual({
      code: "ResourceNotFoundException",
      message: `Consumer ${world.arn}, account 123456789012 not found.`,
    });
    const other = failureOfNext(second!);
    await world.call("DeleteStream", { StreamName: "s", EnforceConsumerDeletion: true });
    expect(await other).toEqual({
      code: "ResourceNotFoundException",
      message: "Stream s under account 123456789012 not found.",
    });
  });

  test("records past retention are passed over", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    await put(world, "old");
    await world.clock.advance(20 * 3_600_000);
    await put(world, "young");
    await world.clock.advance(5 * 3_600_000);
    const events = await subscribe(world, world.arn, { Type: "TRIM_HORIZON" });
    expect(textsOf(await next(events))).toEqual(["young"]);
  });

  test("records that are lost end it, and are named", async () => {
    const world = await fanOut();
    await put(world, "one");
    await put(world, "two");
    const lossy = engineWith(world.engine, {
      read: () => Promise.resolve({ kind: "hole", fromIndex: 1, toIndex: 2 }),
    });
    const broken = await serviceUnderTest({ clock: world.clock, engine: lossy });
    const events = await subscribe(broken, world.arn, { Type: "TRIM_HORIZON" });
    const { code, message } = await failureOfNext(events);
    expect(code).toBe("InternalFailureException");
    expect(message).toMatch(
      /^Records of shardId-000000000000 from 49\d{54} up to, not including, 49\d{54} were lost/,
    );
  });
});

describe("a subscription is a cursor", () => {
  test("an abandoned one leaves nothing behind, begun or not, asked or not", async () => {
    const world = await fanOut(3);
    const neverAsked = await subscribe(world, world.arns[0]!);
    const asked = await subscribe(world, world.arns[1]!);
    const pending = asked.next();
    const read = await subscribe(world, world.arns[2]!, { Type: "TRIM_HORIZON" });
    await put(world, "one");
    expect(textsOf(await next(read))).toEqual(["one"]);
    expect(await pending).toMatchObject({ done: false });
    const pendingAgain = asked.next();
    await Promise.resolve();
    expect(world.watches()).toBe(1);
    expect(world.memory.usedBytes).toBeGreaterThan(0);
    for (const events of [neverAsked, asked, read]) await events.return!();
    expect(await pendingAgain).toEqual({ done: true, value: undefined });
    expect([world.watches(), world.memory.usedBytes]).toEqual([0, 0]);
    await world.streams.close();
  });

  test("closing the service ends them", async () => {
    const world = await fanOut(2);
    const [first, second] = await Promise.all(world.arns.map((arn) => subscribe(world, arn)));
    const pending = first!.next();
    await world.streams.close();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await second!.next()).toEqual({ done: true, value: undefined });
    expect(world.watches()).toBe(0);
  });

  test("one that nobody reads costs nothing, slows nobody down and reads on where it stood", async () => {
    const world = await fanOut(3, { limits: { mode: "off" } });
    const [stalled, ...live] = await Promise.all(world.arns.map((arn) => subscribe(world, arn)));
    const seen: number[] = live.map(() => 0);
    for (let turn = 0; turn < 200; turn += 1) {
      const events = live.map((stream) => next(stream));
      await put(world, ...Array.from({ length: 4 }, () => "x".repeat(MIB / 4 - 1)));
      for (const [index, event] of events.entries()) {
        const { Records, MillisBehindLatest } = await event;
        seen[index]! += Records.length;
        expect(MillisBehindLatest).toBe(0);
      }
      // What the two live ones were given last, and nothing for the one that does not ask.
      expect(world.memory.usedBytes).toBe(2 * MIB);
      await world.clock.advance(100);
    }
    expect(seen).toEqual([800, 800]);
    let behind = 0;
    for (let turn = 0; turn < 200; turn += 1) behind += (await next(stalled!)).Records.length;
    expect(behind).toBe(800);
  });

  test("without memory for an event it waits, and tells that it lives", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    await put(world, "one");
    const events = await subscribe(world, world.arn, { Type: "TRIM_HORIZON" });
    await world.memory.reserve(world.memory.limitBytes);
    const idle = next(events);
    await world.clock.advance(4_500);
    expect((await idle).Records).toEqual([]);
    const waiting = next(events);
    expect(await isSettled(waiting)).toBe(false);
    world.memory.release(world.memory.limitBytes);
    await world.clock.advance(100);
    expect(textsOf(await waiting)).toEqual(["one"]);
  });

  test("it is ready for its turn without having read or held anything, and tells what has become of it by then", async () => {
    const world = await fanOut(2);
    let reads = 0;
    const counted = engineWith(world.engine, {
      read: (...input) => {
        reads += 1;
        return world.engine.read(...input);
      },
    });
    const service = await serviceUnderTest({
      clock: world.clock,
      engine: counted,
      dependencies: { memory: world.memory },
    });
    const cursorOf = async (arn: string) => {
      const events = await subscribe(service, arn);
      if (!isCursor(events)) throw new Error("a subscription is no cursor");
      return events;
    };
    const [first, second] = [await cursorOf(world.arns[0]!), await cursorOf(world.arns[1]!)];
    const waiting = first.ready();
    expect(await isSettled(waiting)).toBe(false);
    expect(await first.take()).toBeUndefined();
    await put(service, "one");
    await Promise.all([waiting, second.ready()]);
    expect([reads, world.memory.usedBytes]).toEqual([0, 0]);

    expect(await first.take()).toMatchObject({ value: { SubscribeToShardEvent: { MillisBehindLatest: 0 } } });
    expect(reads).toBe(1);
    expect(world.memory.usedBytes).toBeGreaterThan(0);
    // What it was given holds memory until it asks for more.
    const more = first.ready();
    expect(world.memory.usedBytes).toBe(0);

    await service.call("DeregisterStreamConsumer", { ConsumerARN: world.arns[1]! });
    await expect(second.take()).rejects.toMatchObject({ code: "ResourceNotFoundException" });
    expect(reads).toBe(1);
    await first.return!();
    await more;
    expect(await first.take()).toEqual({ done: true, value: undefined });
    await service.streams.close();
  });

  test("memory that went away before its turn lets it wait again", async () => {
    const world = await fanOut(1, { limits: { mode: "off" } });
    const events = await subscribe(world, world.arn);
    if (!isCursor(events)) throw new Error("a subscription is no cursor");
    await put(world, "one");
    await events.ready();
    await world.memory.reserve(world.memory.limitBytes);
    expect(await events.take()).toBeUndefined();
    const again = events.ready();
    expect(await isSettled(again)).toBe(false);
    world.memory.release(world.memory.limitBytes);
    await world.clock.advance(100);
    await again;
    expect(await events.take()).toMatchObject({ done: false });
    await events.return!();
  });
});
