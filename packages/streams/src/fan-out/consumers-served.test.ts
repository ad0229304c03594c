import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

test("consumers that are subscribed are told with how far they are behind and whether they take what they are sent", async () => {
  const { call, clock, createStream, streams } = await serviceUnderTest();
  await createStream("s", 1);
  const StreamARN = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
  const { Consumer } = await call("RegisterStreamConsumer", { StreamARN, ConsumerName: "c" });
  await clock.advance(1_000);
  expect(streams.consumersServed()).toEqual([]);

  const put = () => call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.from("x") });
  const { EventStream } = await call("SubscribeToShard", {
    ConsumerARN: Consumer.ConsumerARN,
    ShardId: "shardId-000000000000",
    StartingPosition: { Type: "LATEST" },
  });
  const events = EventStream[Symbol.asyncIterator]();
  const figures = {
    accountId: "123456789012",
    region: "us-east-1",
    streamName: "s",
    consumerName: "c",
    subscriptionCount: 1,
  };
  const first = events.next();
  expect(streams.consumersServed()).toEqual([{ ...figures, heldBackCount: 0, millisBehind: 0 }]);
  await put();
  await first;
  await clock.advance(2_000);
  expect(streams.consumersServed()).toEqual([{ ...figures, heldBackCount: 1, millisBehind: 0 }]);
  await put();
  await clock.advance(1_500);
  // The client was caught up 3,500 ms ago and has taken nothing since.
  expect(streams.consumersServed()).toEqual([{ ...figures, heldBackCount: 1, millisBehind: 3_500 }]);
  await events.next();
  expect(streams.consumersServed()).toEqual([{ ...figures, heldBackCount: 1, millisBehind: 0 }]);
  await events.return?.();
  expect(streams.consumersServed()).toEqual([]);
  await streams.close();
});
