import { memoryEngine } from "@millrace/log";
import { serviceClock, simulatedClock } from "@millrace/runtime";
import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";
import type { ServiceUnderTest } from "../service-under-test.ts";

/** What is stored, by sequence number: the shard and the data. */
async function stored({ call }: ServiceUnderTest): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { ShardId } of (await call("ListShards", { StreamName: "s" })).Shards!) {
    const start = { StreamName: "s", ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    const { ShardIterator } = await call("GetShardIterator", start);
    const { Records } = await call("GetRecords", { ShardIterator: ShardIterator! });
    for (const record of Records) {
      found.set(record.SequenceNumber, `${ShardId} ${Buffer.from(record.Data).toString()}`);
    }
  }
  return found;
}

test("single records that meet the close of their shard are in one of its children, each once", async () => {
  const clock = serviceClock(simulatedClock());
  const engine = memoryEngine({ clock });
  const service = await serviceUnderTest({ clock, engine, limits: { mode: "off" } });
  await service.createStream("s", 1);
  // The log closes first, as when the commit that splits the shard is under way.
  const [row] = [...engine.state.list("shard/")].map(
    ([, { value }]) => JSON.parse(value) as { logId: number },
  );
  await engine.state.commit({ closes: [row!.logId] });
  let acknowledgedCount = 0;
  const puts = ["a", "b", "c", "d", "e", "f"].map(async (text) => {
    const put = { StreamName: "s", PartitionKey: text, Data: Buffer.from(text) };
    const { ShardId, SequenceNumber } = await service.call("PutRecord", put);
    acknowledgedCount += 1;
    return [SequenceNumber, `${ShardId} ${text}`] as const;
  });
  await clock.advance(10);
  expect(acknowledgedCount).toBe(0);
  const change = { StreamName: "s", TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" } as const;
  await service.call("UpdateShardCount", change);
  await clock.advance(60);
  const acknowledged = new Map(await Promise.all(puts));
  const shardIds = new Set([...acknowledged.values()].map((place) => place.slice(0, -2)));
  expect([...shardIds].sort()).toEqual(["shardId-000000000001", "shardId-000000000002"]);
  expect(await stored(service)).toEqual(acknowledged);
});

test("a record counts against the rate of its shard", async () => {
  const { call, createStream, failureOf, clock } = await serviceUnderTest();
  await createStream("s", 1);
  const put = { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(500_000) };
  for (let turn = 0; turn < 2; turn += 1) await call("PutRecord", put);
  expect((await failureOf("PutRecord", put)).code).toBe("ProvisionedThroughputExceededException");
  await clock.advance(1_000);
  await call("PutRecord", put);
});
