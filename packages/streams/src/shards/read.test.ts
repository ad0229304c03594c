import type { LogEngine, ReadOutcome } from "@millrace/log";
import { BASE64, encodeBatch, memoryEngine } from "@millrace/log";
import type { MemoryLogger } from "@millrace/runtime";
import { memoryLogger, serviceClock, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

async function horizonOf({ call }: ServiceUnderTest): Promise<string> {
  const input = { StreamName: "s", ShardId: "0", ShardIteratorType: "TRIM_HORIZON" } as const;
  return (await call("GetShardIterator", input)).ShardIterator!;
}

/** A service whose engine answers reads with `outcome` once it is set. */
async function withReads(): Promise<{
  service: ServiceUnderTest;
  log: MemoryLogger;
  answer: (outcome: ReadOutcome, fromIndex?: number) => void;
}> {
  const clock = serviceClock(simulatedClock());
  const inner = memoryEngine({ clock });
  const log = memoryLogger();
  let forced: ReadOutcome | undefined;
  let forcedFrom = 0;
  const engine = new Proxy(inner, {
    get(target, member: keyof LogEngine) {
      if (member === "read" && forced !== undefined) {
        const read: LogEngine["read"] = (logId, fromIndex, limits) =>
          fromIndex >= forcedFrom
            ? Promise.resolve(forced!)
            : target.read(logId, fromIndex, { ...limits, maxRecords: forcedFrom - fromIndex });
        return read;
      }
      const value: unknown = target[member];
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const service = await serviceUnderTest({ clock, engine, dependencies: { log } });
  await service.createStream("s", 1);
  for (let turn = 0; turn < 3; turn += 1) {
    await service.call("PutRecord", { StreamName: "s", PartitionKey: "a", Data: Buffer.from("x") });
  }
  return {
    service,
    log,
    answer(outcome, fromIndex = 0) {
      forced = outcome;
      forcedFrom = fromIndex;
    },
  };
}

describe("reading a shard", () => {
  test("records that are stored as base64 are given as what they encode", async () => {
    const service = await serviceUnderTest();
    await service.createStream("s", 1);
    const [row] = [...service.engine.state.list("shard/")].map(
      ([, { value }]) => JSON.parse(value) as { logId: number },
    );
    const data = [Buffer.from([0, 1, 250, 255]), Buffer.alloc(0), Buffer.from("text")];
    const records = data.map((bytes) => ({
      key: Buffer.from("k"),
      data: Buffer.from(bytes.toString("base64")),
    }));
    await service.engine.append(row!.logId, encodeBatch(records, BASE64));
    const { Records } = await service.call("GetRecords", { ShardIterator: await horizonOf(service) });
    expect(Records.map(({ Data }) => Buffer.from(Data))).toEqual(data);
  });

  test("records that are lost or damaged are never skipped: the read fails and says which", async () => {
    const { service, answer, log } = await withReads();
    const ShardIterator = await horizonOf(service);
    answer({ kind: "hole", fromIndex: 2, toIndex: 3 });
    const failure = await service.failureOf("GetRecords", { ShardIterator });
    expect(failure).toMatchObject({ code: "InternalFailureException", status: 500 });
    expect(failure.message).toMatch(
      /^Records of shardId-000000000000 from 49\d{54} up to, not including, 49\d{54} were lost to a damaged disk\.$/,
    );
    answer({ kind: "damaged", index: 1, toIndex: 3, detail: "/data/journal/1.segment is damaged" });
    expect(await service.failureOf("GetRecords", { ShardIterator })).toMatchObject({
      code: "InternalFailureException",
      message: expect.stringMatching(
        /^Records of shardId-000000000000 from 49\d{54} up to, not including, 49\d{54} cannot be read: what the disk holds is damaged\.$/,
      ) as string,
    });
    // Where the file lies is nothing for the client, but for whoever looks for the request in the log.
    expect(log.lines).toContainEqual(
      expect.objectContaining({
        level: "error",
        fields: expect.objectContaining({
          requestId: service.caller.requestId,
          stream: "s",
          shardId: "shardId-000000000000",
          cause: "/data/journal/1.segment is damaged",
        }) as unknown,
      }),
    );
    answer({ kind: "gone" });
    expect((await service.failureOf("GetRecords", { ShardIterator })).code).toBe("ResourceNotFoundException");
  });

  test("records before what is lost are given, and the next read fails", async () => {
    const { service, answer } = await withReads();
    answer({ kind: "hole", fromIndex: 3, toIndex: 4 }, 3);
    const { Records, NextShardIterator } = await service.call("GetRecords", {
      ShardIterator: await horizonOf(service),
    });
    expect(Records).toHaveLength(2);
    expect((await service.failureOf("GetRecords", { ShardIterator: NextShardIterator! })).code).toBe(
      "InternalFailureException",
    );
  });
});
