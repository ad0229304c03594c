import { memoryLogger, seededRandom, simulatedDisk } from "@millrace/runtime";
import type { SimulatedDisk } from "@millrace/runtime";
import { expect, test } from "vitest";
import { activeStream, serverUnderTest, testRuntime } from "../test-support.ts";
import { damageLines, recordsNamer, recordsText } from "./damage-text.ts";

const options = { durability: "fsync", dataDir: "/data" } as const;

/** A data directory whose server was killed, and the numbers of its records. */
async function killed(recordCount: number): Promise<{ disk: SimulatedDisk; numbers: string[] }> {
  const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
  const server = await serverUnderTest(options, testRuntime(disk.files));
  await activeStream(server.client, server.runtime, "clicks");
  const numbers: string[] = [];
  for (let i = 0; i < recordCount; i += 1) {
    const Data = Buffer.from(String(i).repeat(100));
    numbers.push(
      (await server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data })).SequenceNumber,
    );
  }
  disk.crash({ powerCut: false });
  return { disk, numbers };
}

/** Writes over a record where it lies. */
async function damageRecord(disk: SimulatedDisk, i: number): Promise<string> {
  for (const path of disk.paths().filter((name) => name.endsWith(".segment"))) {
    const file = await disk.files.open(path);
    const bytes = Buffer.alloc(await file.sizeBytes());
    await file.read(bytes, 0);
    await file.close();
    const at = bytes.indexOf(String(i).repeat(100));
    if (at < 0) continue;
    disk.corrupt(path, at + 10);
    return path;
  }
  throw new Error(`record ${i} is in no segment`);
}

test("a start that damage refuses names file, stream, shard and sequence numbers, and what to do", async () => {
  const { disk, numbers } = await killed(6);
  const path = await damageRecord(disk, 3);
  const failure = await serverUnderTest(options, testRuntime(disk.files)).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: "DamagedDataError" });
  const { message } = failure as Error;
  expect(message.split("\n")).toEqual([
    "the data directory /data is damaged below what was acknowledged. Nothing was changed.",
    expect.stringMatching(new RegExp(`^  ${path}: commit \\d+ is damaged$`)),
    `  lost: clicks shardId-000000000000 (000000000000, us-east-1), sequence numbers from ${numbers[3]} up to, not including, ${numbers[4]}`,
    "  Damaged commits may also have held the newest records of any shard.",
    "Restore a backup with `millrace data restore`; or give up what is lost with " +
      "`millrace data repair --accept-loss --data-dir /data`: reads in it then fail and name it.",
  ]);
  // Left as it was, and free for a repair.
  await expect(serverUnderTest(options, testRuntime(disk.files))).rejects.toThrow(
    "damaged below what was acknowledged",
  );
});

test("a read that meets damage answers which numbers are concerned, and the log says where, with the request's id", async () => {
  const { disk, numbers } = await killed(6);
  // A clean stop: the next start trusts what was sealed and reads it only when it is asked for.
  await (await serverUnderTest(options, testRuntime(disk.files))).close();
  const path = await damageRecord(disk, 3);
  const runtime = { ...testRuntime(disk.files), log: memoryLogger() };
  const { client, close } = await serverUnderTest(options, runtime);
  const read = async (
    given:
      | { ShardIteratorType: "TRIM_HORIZON" }
      | { ShardIteratorType: "AT_SEQUENCE_NUMBER"; StartingSequenceNumber: string },
  ) => {
    const { ShardIterator } = await client.getShardIterator({
      StreamName: "clicks",
      ShardId: "shardId-000000000000",
      ...given,
    });
    return client.getRecords({ ShardIterator: ShardIterator! });
  };
  const before = await read({ ShardIteratorType: "TRIM_HORIZON" });
  expect(before.Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual(numbers.slice(0, 3));
  await expect(client.getRecords({ ShardIterator: before.NextShardIterator! })).rejects.toMatchObject({
    code: "InternalFailureException",
    message:
      `Records of shardId-000000000000 from ${numbers[3]} up to, not including, ${numbers[4]} ` +
      "cannot be read: what the disk holds is damaged.",
  });
  expect(runtime.log.lines).toContainEqual({
    level: "error",
    message: "records that were acknowledged cannot be read",
    fields: expect.objectContaining({
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      stream: "clicks",
      cause: expect.stringContaining(path) as string,
    }) as unknown,
  });
  const behind = await read({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[4]! });
  expect(behind.Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual(numbers.slice(4));
  await close();
});

test("logs that no stream has are told by their number, and a chunk by its records", () => {
  const entries = { logId: 7, fromIndex: 3, toIndex: 5 };
  expect(recordsText(recordsNamer(new Map())(entries))).toBe(
    "log 7, which no stream has any more, entries 3 to 4",
  );
  expect(
    damageLines({
      damage: [{ path: "/d/1", detail: "entries of log 7", entries }],
      missing: [],
      state: new Map(),
    }),
  ).toEqual(["/d/1: the checksum is wrong of log 7, which no stream has any more, entries 3 to 4"]);
});
