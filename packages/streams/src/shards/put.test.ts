import type { GetRecords } from "@millrace/api";
import { memoryEngine, openJournal } from "@millrace/log";
import {
  inMemoryFiles,
  memoryLogger,
  type MovableServiceClock,
  seededRandom,
  serviceClock,
  simulatedClock,
} from "@millrace/runtime";
import type { AnswerOf } from "@millrace/wire";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

interface Found {
  readonly shardId: string;
  readonly text: string;
}

/** Everything in the shards of stream `s`, by sequence number, after checking that each shard is in order. */
async function everythingIn({ call }: ServiceUnderTest): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  for (const { ShardId, SequenceNumberRange } of (await call("ListShards", { StreamName: "s" })).Shards!) {
    const start = { StreamName: "s", ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    let iterator = (await call("GetShardIterator", start)).ShardIterator;
    let previous = SequenceNumberRange.StartingSequenceNumber;
    const countOfKey = new Map<string, number>();
    while (iterator !== undefined) {
      const got: AnswerOf<typeof GetRecords> = await call("GetRecords", { ShardIterator: iterator });
      for (const { SequenceNumber, Data, PartitionKey } of got.Records) {
        expect(SequenceNumber > previous).toBe(true);
        previous = SequenceNumber;
        const text = Buffer.from(Data).toString();
        const count = Number(text.split(":")[1]);
        expect(count).toBeGreaterThan(countOfKey.get(PartitionKey!) ?? -1);
        countOfKey.set(PartitionKey!, count);
        found.set(SequenceNumber, { shardId: ShardId, text });
      }
      iterator = got.Records.length === 0 ? undefined : got.NextShardIterator;
    }
    const ending = SequenceNumberRange.EndingSequenceNumber;
    if (ending !== undefined) expect(previous < ending).toBe(true);
  }
  return found;
}

/** Producers that put without pause, until told to stop; resolves to what was acknowledged, by sequence number. */
function produce({ call }: ServiceUnderTest): { stop: () => Promise<Map<string, Found>> } {
  const acknowledged = new Map<string, Found>();
  let stopped = false;
  const producers = Array.from({ length: 6 }, async (_, id) => {
    for (let count = 0; !stopped; count += 1) {
      const texts = [0, 1].map((part) => `${id}:${count}:${part}`);
      const { Records } = await call("PutRecords", {
        StreamName: "s",
        Records: texts.map((text, part) => ({ PartitionKey: `${id}-${part}`, Data: Buffer.from(text) })),
      });
      for (const [part, { SequenceNumber, ShardId }] of Records.entries()) {
        acknowledged.set(SequenceNumber!, { shardId: ShardId!, text: texts[part]! });
      }
    }
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(producers);
      return acknowledged;
    },
  };
}

async function scaleWhileProducing(service: ServiceUnderTest): Promise<Map<string, Found>> {
  await service.createStream("s", 1);
  const producers = produce(service);
  for (const TargetShardCount of [2, 3, 5, 4, 8, 4]) {
    await service.call("UpdateShardCount", {
      StreamName: "s",
      TargetShardCount,
      ScalingType: "UNIFORM_SCALING",
    });
    await service.clock.advance(60);
  }
  return producers.stop();
}

/** Simulated time whose turns are the process's, so that the journal's batches take part in real interleavings. */
function clockOfTurns(): MovableServiceClock {
  const simulated = simulatedClock();
  return serviceClock({
    nowMs: () => simulated.nowMs(),
    monotonicMs: () => simulated.monotonicMs(),
    schedule: (delayMs, callback) => simulated.schedule(delayMs, callback),
    sleep: (delayMs) => simulated.sleep(delayMs),
    soon: (callback) => void setImmediate(() => callback()),
  });
}

describe("puts while shards change", () => {
  test("every acknowledged record is in exactly one shard, in order, and none is past the close", async () => {
    const service = await serviceUnderTest({ limits: { mode: "off" } });
    const acknowledged = await scaleWhileProducing(service);
    expect(acknowledged.size).toBeGreaterThan(100);
    expect(await everythingIn(service)).toEqual(acknowledged);
  });

  test("the same holds on the journal, also after it was opened again", async () => {
    const clock = clockOfTurns();
    const random = seededRandom(7);
    const runtime = {
      clock,
      random,
      secrets: random,
      files: inMemoryFiles(),
      log: memoryLogger(),
      crash: (reason: string, cause?: unknown): never => {
        throw new Error(reason, { cause });
      },
    };
    const open = () =>
      openJournal(runtime, {
        directory: "/data",
        serviceClock: clock,
        initialSegmentBytes: 1 << 20,
        salvageBytesPerSecond: 0,
      });
    const engine = await open();
    const service = await serviceUnderTest({ clock, engine, limits: { mode: "off" } });
    const acknowledged = await scaleWhileProducing(service);
    expect(acknowledged.size).toBeGreaterThan(20);
    expect(await everythingIn(service)).toEqual(acknowledged);

    await service.streams.close();
    await engine.close();
    const reopened = await open();
    const restarted = await serviceUnderTest({ clock, engine: reopened, limits: { mode: "off" } });
    expect(await everythingIn(restarted)).toEqual(acknowledged);
    await restarted.streams.close();
    await reopened.close();
  });

  test("a put whose stream is deleted meanwhile is answered that there is none", async () => {
    const clock = serviceClock(simulatedClock());
    const engine = memoryEngine({ clock });
    const { call, createStream, failureOf } = await serviceUnderTest({ clock, engine });
    await createStream("s", 1);
    // The log goes first, as when the commit that deletes the stream is under way.
    const [row] = [...engine.state.list("shard/")].map(
      ([, { value }]) => JSON.parse(value) as { logId: number },
    );
    await engine.state.commit({ closes: [row!.logId] });
    const put = failureOf("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.alloc(1) });
    await call("DeleteStream", { StreamName: "s" });
    await clock.advance(60);
    expect((await put).code).toBe("ResourceNotFoundException");
  });
});
