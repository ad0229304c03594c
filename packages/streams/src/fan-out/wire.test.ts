import { kinesis } from "@millrace/api";
import { memoryLogger, seededRandom } from "@millrace/runtime";
import { callersFromHeaders, createService, decodeEventStream, encodeRequest } from "@millrace/wire";
import { describe, expect, test } from "vitest";
import type { Events, FanOut } from "./fan-out-under-test.ts";
import { fanOut, inputOf, next, put, SHARD } from "./fan-out-under-test.ts";

describe("on the wire", () => {
  /** Subscribes with encoded bytes, and reads encoded bytes. */
  async function bodyOf(world: FanOut): Promise<AsyncIterable<Uint8Array>> {
    const service = createService({
      contract: kinesis,
      handlers: world.streams.handlers,
      callers: callersFromHeaders({}),
      clock: world.clock,
      random: seededRandom(1),
      log: memoryLogger(),
    });
    const { body, ...request } = encodeRequest(kinesis, "SubscribeToShard", inputOf(world.arn), "json");
    const response = await service({
      ...request,
      body: Buffer.concat(body),
      remoteAddress: "127.0.0.1",
      viaTls: false,
      httpVersion: "2",
    });
    expect(response.status).toBe(200);
    return response.body as AsyncIterable<Uint8Array>;
  }

  async function subscribeByWire(world: FanOut): Promise<Events> {
    const answer = await decodeEventStream(kinesis, "SubscribeToShard", await bodyOf(world));
    return answer.EventStream[Symbol.asyncIterator]();
  }

  test("records arrive, and at the end of the shard its children without a number", async () => {
    const world = await fanOut();
    const events = await subscribeByWire(world);
    const [number] = await put(world, "one");
    expect(await next(events)).toMatchObject({
      Records: [{ SequenceNumber: number, Data: Buffer.from("one"), PartitionKey: "a" }],
      MillisBehindLatest: 0,
    });
    await world.call("SplitShard", {
      StreamName: "s",
      ShardToSplit: SHARD,
      NewStartingHashKey: String(1n << 127n),
    });
    await world.clock.advance(50);
    const end = await next(events);
    expect(Object.keys(end).sort()).toEqual(["ChildShards", "MillisBehindLatest", "Records"]);
    expect(await events.next()).toMatchObject({ done: true });
  });

  test("what ends it is an exception in the stream", async () => {
    const world = await fanOut();
    const events = await subscribeByWire(world);
    await world.call("DeregisterStreamConsumer", { ConsumerARN: world.arn });
    await expect(events.next()).rejects.toMatchObject({ code: "ResourceNotFoundException" });
  });

  test("a client that goes before the first event leaves nothing behind", async () => {
    const world = await fanOut();
    const body = (await bodyOf(world))[Symbol.asyncIterator]();
    expect((await body.next()).done).toBe(false);
    expect(world.streams.consumersServed()).toHaveLength(1);
    await body.return!();
    expect(world.watches()).toBe(0);
    expect(world.streams.consumersServed()).toEqual([]);
  });
});
