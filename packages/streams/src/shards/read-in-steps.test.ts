import { kinesis } from "@millrace/api";
import type { LogEngine, ReadLimits } from "@millrace/log";
import { openJournal } from "@millrace/log";
import { memoryLogger, seededRandom, serviceClock, simulatedRuntime } from "@millrace/runtime";
import type { SimulatedRuntime } from "@millrace/runtime";
import { callersFromHeaders, createService, encodeRequest } from "@millrace/wire";
import { expect, test } from "vitest";
import { serviceUnderTest } from "../service-under-test.ts";

const ENTRIES = 60;
const DATA_BYTES = 50_001;

/** A shard with 3 MB that no cache holds, read over the wire, and the limits of every read of the engine. */
async function shardOnDisk(
  runtime: SimulatedRuntime,
  changed: (engine: LogEngine) => LogEngine = (engine) => engine,
) {
  const clock = serviceClock(runtime.clock);
  const journal = await openJournal(runtime, { directory: "/data", serviceClock: clock, cacheBytes: 0 });
  const limits: ReadLimits[] = [];
  const inner = changed(journal);
  const engine = new Proxy(inner, {
    get(target, member: keyof LogEngine) {
      const value: unknown = target[member];
      if (typeof value !== "function") return value;
      return (...input: unknown[]) => {
        if (member === "read") limits.push(input[2] as ReadLimits);
        return (value as (...input: unknown[]) => unknown).apply(target, input);
      };
    },
  });
  const service = await serviceUnderTest({ clock, engine });
  await service.createStream("s", 1);
  for (let index = 0; index < ENTRIES; index += 1) {
    const Data = Buffer.alloc(DATA_BYTES, `${index} `);
    await service.call("PutRecord", { StreamName: "s", PartitionKey: `key ${index}`, Data });
    await clock.sleep(60);
  }
  const horizon = { StreamName: "s", ShardId: "0", ShardIteratorType: "TRIM_HORIZON" } as const;
  const { ShardIterator } = await service.call("GetShardIterator", horizon);
  const wire = createService({
    ...{ contract: kinesis, handlers: service.streams.handlers, callers: callersFromHeaders({}) },
    ...{ clock: runtime.clock, random: seededRandom(1), log: memoryLogger() },
  });
  const read = async (more: { Limit?: number } = {}) => {
    // Past what the reads before it cost.
    await clock.sleep(10_000);
    const input = { ShardIterator: ShardIterator!, ...more };
    const { body, ...request } = encodeRequest(kinesis, "GetRecords", input, "json");
    const connection = { remoteAddress: "127.0.0.1", viaTls: false, httpVersion: "1.1" } as const;
    const answer = await wire({ ...request, ...connection, body: Buffer.concat(body) });
    const text = Buffer.concat(answer.body as Uint8Array[]).toString();
    answer.release?.();
    return JSON.parse(text) as { Records: Record<string, unknown>[]; NextShardIterator: string };
  };
  return { journal, service, ShardIterator: ShardIterator!, read, limits };
}

function inHistory(check: (runtime: SimulatedRuntime) => Promise<void>): () => Promise<void> {
  return () => {
    const runtime = simulatedRuntime({ seed: 1 });
    return runtime.world.finish(check(runtime));
  };
}

test(
  "an answer in JSON is read in steps and says what one is that was read at once",
  inHistory(async (runtime) => {
    const { journal, service, ShardIterator, read, limits } = await shardOnDisk(runtime);
    const whole = await service.call("GetRecords", { ShardIterator });
    expect(limits.every(({ stepBytes }) => stepBytes === undefined)).toBe(true);
    limits.length = 0;
    for (let turn = 0; turn < 3; turn += 1) {
      const inSteps = await read();
      expect(inSteps.Records.map(({ PartitionKey }) => PartitionKey)).toEqual(
        whole.Records.map(({ PartitionKey }) => PartitionKey),
      );
      const expected = whole.Records.map(({ ApproximateArrivalTimestamp, Data, ...rest }) => ({
        SequenceNumber: rest.SequenceNumber,
        ApproximateArrivalTimestamp: ApproximateArrivalTimestamp! / 1_000,
        Data: Buffer.from(Data).toString("base64"),
        PartitionKey: rest.PartitionKey,
      }));
      expect(JSON.stringify(inSteps.Records) === JSON.stringify(expected)).toBe(true);
    }
    expect(whole.Records).toHaveLength(ENTRIES);
    expect(limits.length).toBeGreaterThan(9);
    expect((await read({ Limit: 17 })).Records).toHaveLength(17);
    await service.streams.close();
    await journal.close();
  }),
);

test(
  "what is lost behind the first step ends the answer before it",
  inHistory(async (runtime) => {
    const lostFrom = 40;
    const { journal, service, read } = await shardOnDisk(
      runtime,
      (engine) =>
        new Proxy(engine, {
          get(target, member: keyof LogEngine) {
            const value: unknown = target[member];
            if (typeof value !== "function") return value;
            if (member !== "read") return value.bind(target) as unknown;
            const reading: LogEngine["read"] = (logId, fromIndex, limits) =>
              fromIndex >= lostFrom
                ? Promise.resolve({ kind: "hole", fromIndex: lostFrom, toIndex: lostFrom + 1 })
                : target.read(logId, fromIndex, { ...limits, maxRecords: lostFrom - fromIndex });
            return reading;
          },
        }),
    );
    const { Records } = await read();
    expect(Records.map(({ PartitionKey }) => PartitionKey)).toEqual(
      Array.from({ length: lostFrom - 1 }, (_, index) => `key ${index}`),
    );
    await service.streams.close();
    await journal.close();
  }),
);
