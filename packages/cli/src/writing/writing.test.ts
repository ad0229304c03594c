import { hashKeyOf } from "@millrace/model";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { ServiceError } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyedWriter, type WriterClient } from "./keyed-writer.ts";
import { linesOf } from "./lines.ts";
import { keyOfLine } from "./record-key.ts";

async function* pieces(...texts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function collect(lines: AsyncIterable<Buffer>): Promise<string[]> {
  const collected: string[] = [];
  for await (const line of lines) collected.push(line.toString("latin1"));
  return collected;
}

describe("lines", () => {
  test("end with a line feed, or a return and a line feed, or with the input", async () => {
    expect(await collect(linesOf(pieces("a\r\nb\n", "c", "d\n\ne")))).toEqual(["a", "b", "cd", "", "e"]);
    expect(await collect(linesOf(pieces("a\n")))).toEqual(["a"]);
    expect(await collect(linesOf(pieces()))).toEqual([]);
  });

  test("do not depend on how the bytes arrive", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.stringMatching(/^[ab\n]{0,5}$/)), async (texts) => {
        const whole = texts.join("");
        const expected = whole.split("\n");
        if (expected.at(-1) === "") expected.pop();
        expect(await collect(linesOf(pieces(...texts)))).toEqual(expected);
      }),
    );
  });
});

describe("the key of a line", () => {
  const random = seededRandom(1);
  const key = (line: string, rule: Parameters<typeof keyOfLine>[2]) =>
    keyOfLine(Buffer.from(line), 7, rule, random);

  test("is the fixed one, a field, a match, or random", () => {
    expect(key("x", { fixed: "k" })).toBe("k");
    expect(key('{"user":{"id":42}}', { field: "user.id" })).toBe("42");
    expect(key("GET /a from 10.0.0.1", { pattern: /from (\S+)/u })).toBe("10.0.0.1");
    expect(key("abc", { pattern: /b/u })).toBe("b");
    const one = key("x", {});
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(key("x", {})).not.toBe(one);
  });

  test("falls back to the fixed one where the rule finds none", () => {
    expect(key("not json", { field: "id", fixed: "other" })).toBe("other");
  });

  test.each([
    ["not json", { field: "id" }, /line 7 has no field id/],
    ['{"id":{}}', { field: "id" }, /line 7 has no field id/],
    ["abc", { pattern: /z/u }, /line 7 has no match/],
    ["abc", { fixed: "k".repeat(257) }, /line 7: a partition key has 1 to 256 characters/],
    ["abc", { pattern: /z*/u }, /line 7: a partition key has 1 to 256 characters/],
  ])("%s without a usable key is refused with its number", (line, rule, message) => {
    expect(() => key(line, rule)).toThrow(message);
  });
});

describe("the keyed writer", () => {
  type Input = Parameters<WriterClient["putRecords"]>[0];
  const notTold = () => Promise.reject(new ServiceError("AccessDeniedException", "not for you"));

  /** A stream that refuses what `refuses` says, and takes `latencyMs` for each request. */
  function streamOf(refuses: (key: string, attempt: number) => boolean = () => false, latencyMs = 1) {
    const clock = simulatedClock();
    const stored: [key: string, data: string][] = [];
    const batchSizes: number[] = [];
    let attempt = 0;
    const client = {
      listShards: notTold,
      putRecord: () => Promise.reject(new Error("not asked for")),
      async putRecords({ Records }: Input) {
        batchSizes.push(Records.length);
        await clock.sleep(latencyMs);
        return {
          Records: Records.map(({ PartitionKey = "", Data }) => {
            attempt += 1;
            if (refuses(PartitionKey, attempt)) {
              return { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "slow down" };
            }
            stored.push([PartitionKey, Buffer.from(Data).toString()]);
            return { SequenceNumber: String(attempt), ShardId: "s" };
          }),
        };
      },
    };
    const writer = new KeyedWriter(client, "clicks", { clock, random: seededRandom(2) });
    return { writer, clock, stored, batchSizes };
  }

  async function putAll(writer: KeyedWriter, records: readonly (readonly [string, string])[]) {
    for (const [key, data] of records) await writer.put(key, Buffer.from(data));
    await writer.finish();
  }

  test("records of different keys travel together, those of one key one after the other", async () => {
    const { writer, clock, batchSizes } = streamOf();
    await clock.finish(
      putAll(
        writer,
        Array.from({ length: 700 }, (_, at) => [`key-${at}`, "x"] as const),
      ),
    );
    expect(batchSizes).toEqual([500, 200]);
    const one = streamOf();
    await one.clock.finish(
      putAll(
        one.writer,
        Array.from({ length: 3 }, (_, at) => ["k", String(at)] as const),
      ),
    );
    expect(one.batchSizes).toEqual([1, 1, 1]);
  });

  test("every record is stored once and each key in order, however much is refused", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 60 }),
        fc.integer({ min: 2, max: 7 }),
        async (keys, refuseEvery) => {
          const { writer, clock, stored } = streamOf((_key, attempt) => attempt % refuseEvery === 0);
          const records = keys.map((key, at) => [key, String(at)] as const);
          await clock.finish(putAll(writer, records));
          for (const key of ["a", "b", "c", "d"]) {
            expect(stored.filter(([one]) => one === key)).toEqual(records.filter(([one]) => one === key));
          }
          expect(writer.statistics.recordCount).toBe(records.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("a record that is refused for good ends the work with the reason", async () => {
    const { writer, clock } = streamOf((key) => key === "bad");
    await expect(
      clock.finish(
        putAll(writer, [
          ["good", "1"],
          ["bad", "2"],
        ]),
      ),
    ).rejects.toThrow(
      'a record with key "bad" was refused 20 times: ProvisionedThroughputExceededException: slow down',
    );
    expect(writer.statistics).toMatchObject({ recordCount: 1, retryCount: 20 });
  });

  test("a refused request ends the work", async () => {
    const clock = simulatedClock();
    const putRecords = () => Promise.reject(new ServiceError("ResourceNotFoundException", "no such stream"));
    const writer = new KeyedWriter({ listShards: notTold, putRecord: putRecords, putRecords }, "clicks", {
      clock,
      random: seededRandom(1),
    });
    await expect(clock.finish(putAll(writer, [["a", "1"]]))).rejects.toMatchObject({
      code: "ResourceNotFoundException",
    });
  });

  test("reading ahead has a bound", async () => {
    const { writer, clock, batchSizes } = streamOf(undefined, 10);
    const big = "x".repeat(1024 * 1024);
    let takenCount = 0;
    const work = (async () => {
      for (let at = 0; at < 100; at += 1) {
        await writer.put(`key-${at}`, Buffer.from(big));
        takenCount += 1;
      }
      await writer.finish();
    })();
    await clock.runFor(1);
    expect(takenCount).toBeLessThan(40);
    await clock.finish(work);
    // Four records of 1 MiB and their keys are more than a batch of 4 MiB.
    expect(Math.max(...batchSizes)).toBe(3);
  });

  /** The service's way to count: each shard takes a thousand records in each second since its first. */
  function limitedStream(recordsPerSecond: number, toldShards: boolean) {
    const clock = simulatedClock();
    const half = 2n ** 127n;
    const shards = [0n, half].map((first, at) => ({
      ShardId: `shard-${at}`,
      HashKeyRange: { StartingHashKey: String(first), EndingHashKey: String(first + half - 1n) },
      SequenceNumberRange: { StartingSequenceNumber: "1" },
    }));
    const taken = shards.map(() => ({ beganMs: -Infinity, count: 0 }));
    let stored = 0;
    const client: WriterClient = {
      listShards: toldShards ? async () => ({ Shards: shards }) : notTold,
      putRecord: () => Promise.reject(new Error("not asked for")),
      async putRecords({ Records }) {
        await clock.sleep(5);
        return {
          Records: Records.map(({ PartitionKey = "" }) => {
            const at = hashKeyOf(Buffer.from(PartitionKey)) < half ? 0 : 1;
            const shard = taken[at]!;
            if (clock.monotonicMs() - shard.beganMs >= 1_000) {
              shard.beganMs = clock.monotonicMs();
              shard.count = 0;
            }
            if (shard.count >= recordsPerSecond) {
              return { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "slow down" };
            }
            shard.count += 1;
            stored += 1;
            return { SequenceNumber: String(stored), ShardId: `shard-${at}` };
          }),
        };
      },
    };
    return { clock, writer: new KeyedWriter(client, "clicks", { clock, random: seededRandom(2) }) };
  }
  const manyRecords = Array.from({ length: 10_000 }, (_, at) => [`key-${at}`, "x"] as const);

  test.each([
    ["known", true, 0.01],
    ["not told", false, 0.1],
  ])(
    "where shards are %s they are written to at their limit, and little is refused",
    async (_name, told, share) => {
      const { clock, writer } = limitedStream(1_000, told);
      await clock.finish(putAll(writer, manyRecords));
      expect(writer.statistics.recordCount).toBe(10_000);
      expect(writer.statistics.retryCount).toBeLessThan(10_000 * share);
      expect(clock.monotonicMs()).toBeGreaterThan(3_900);
      expect(clock.monotonicMs()).toBeLessThan(6_500);
    },
  );

  test("without a limit it is as fast as answers come", async () => {
    const { clock, writer } = limitedStream(Infinity, true);
    await clock.finish(putAll(writer, manyRecords));
    expect(writer.statistics.retryCount).toBe(0);
    expect(clock.monotonicMs()).toBeLessThan(100);
  });

  test("a shard that was not there before makes it look at the shards again", async () => {
    const clock = simulatedClock();
    const whole = { StartingHashKey: "0", EndingHashKey: String(2n ** 128n - 1n) };
    let listedCount = 0;
    let stored = 0;
    const client: WriterClient = {
      async listShards() {
        listedCount += 1;
        const SequenceNumberRange = { StartingSequenceNumber: "1" };
        return { Shards: [{ ShardId: `shard-${listedCount}`, HashKeyRange: whole, SequenceNumberRange }] };
      },
      putRecord: () => Promise.reject(new Error("not asked for")),
      async putRecords({ Records }) {
        await clock.sleep(1);
        // The shard of the beginning has been resharded after the second record.
        return {
          Records: Records.map(() => {
            stored += 1;
            return { SequenceNumber: String(stored), ShardId: stored > 2 ? "shard-2" : "shard-1" };
          }),
        };
      },
    };
    const writer = new KeyedWriter(client, "clicks", { clock, random: seededRandom(2) });
    await clock.finish(
      putAll(
        writer,
        Array.from({ length: 20 }, (_, at) => [`key-${at % 3}`, "x"] as const),
      ),
    );
    expect(stored).toBe(20);
    expect(listedCount).toBe(2);
  });

  test("the service's failure without a reason is asked about with a single record", async () => {
    const clock = simulatedClock();
    let askedCount = 0;
    const client: WriterClient = {
      listShards: notTold,
      putRecords: async ({ Records }) => ({
        Records: Records.map(() => ({
          ErrorCode: "InternalFailure",
          ErrorMessage: "Internal Service Failure",
        })),
      }),
      async putRecord() {
        askedCount += 1;
        throw new ServiceError(
          "InternalFailureException",
          "The record could not be stored: the disk is full.",
        );
      },
    };
    const writer = new KeyedWriter(client, "clicks", { clock, random: seededRandom(2) });
    await expect(clock.finish(putAll(writer, manyRecords.slice(0, 3)))).rejects.toMatchObject({
      name: "CommandFailure",
      message: "InternalFailureException: The record could not be stored: the disk is full.",
    });
    expect(askedCount).toBe(1);
    expect(clock.monotonicMs()).toBeLessThan(2_000);
  });
});
