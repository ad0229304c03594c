import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";
import { sequenceNumberOfEntry, shardsByLog, storedStreams } from "./stored-streams.ts";

test("what the keyed state holds is told as streams and shards, and logs by their shard", async () => {
  const { engine, call, clock, createStream } = await serviceUnderTest();
  await createStream("b", 2);
  await createStream("a", 1);
  await call("SplitShard", { StreamName: "b", ShardToSplit: "0", NewStartingHashKey: "5" });
  await clock.advance(60);
  const state = [...engine.state.list("")].map(([key, { value }]) => [key, value] as const);

  const streams = storedStreams(state);
  expect(
    streams.map(({ streamName, shards }) => [streamName, ...shards.map(({ isClosed }) => isClosed)]),
  ).toEqual([
    ["a", false],
    ["b", true, false, false, false],
  ]);
  const byLog = shardsByLog(streams);
  expect(byLog.size).toBe(5);

  const { SequenceNumber, ShardId } = await call("PutRecord", {
    StreamName: "a",
    PartitionKey: "k",
    Data: Buffer.from("x"),
  });
  const [shard] = streams[0]!.shards;
  expect(shard).toMatchObject({
    accountId: "123456789012",
    region: "us-east-1",
    streamName: "a",
    shardId: ShardId,
  });
  expect(sequenceNumberOfEntry(byLog.get(shard!.logId)!, 1)).toBe(SequenceNumber);
});
