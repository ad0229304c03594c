/** kill -9 while retention gives disk back: what is past it stays gone, what is not stays. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { KinesisClient } from "@millrace/client";
import { afterEach, expect, test } from "vitest";
import { scratchDirectory, undoEverything } from "./src/cleanup.ts";
import { advance, connect } from "./src/connection.ts";
import { readNumberedShard } from "./src/numbered-shard.ts";
import { dataOf, keyOf } from "./src/payload.ts";
import { Program } from "./src/program.ts";
import { listShards } from "./src/reading.ts";
import { choices, howToRepeat, rounds, runtime } from "./src/settings.ts";
import { createStream } from "./src/verdict.ts";

const FILE = "retention.test.ts";
const FLAGS = ["--limits", "off", "--dev"];
const RECORD_BYTES = 20_000;
/** 50 MB for the stream that is kept a day, 5 MB for the one that is kept a year: segments of which little stays. */
const REQUESTS_PER_ROUND = 50;
const SHORT_RECORDS_PER_REQUEST = 50;
const LONG_RECORDS_PER_REQUEST = 5;
const DAY_AND_MORE_MS = 25 * 3_600_000;
const YEAR_HOURS = 8_760;
const KILL_MS_MAX = 800;

afterEach(undoEverything);

interface Writer {
  readonly streamName: string;
  readonly producer: number;
  readonly recordsPerRequest: number;
  shardId: string;
  count: number;
  trimmedCount: number;
}

test("kill -9 while disk is given back loses nothing, and brings nothing back", { timeout: 0 }, async () => {
  console.info(howToRepeat(FILE));
  const random = choices("retention");
  let failed = true;
  const dataDir = scratchDirectory("retention", () => failed);
  const short: Writer = {
    streamName: "day",
    producer: 0,
    recordsPerRequest: SHORT_RECORDS_PER_REQUEST,
    shardId: "",
    count: 0,
    trimmedCount: 0,
  };
  const long: Writer = {
    streamName: "year",
    producer: 1,
    recordsPerRequest: LONG_RECORDS_PER_REQUEST,
    shardId: "",
    count: 0,
    trimmedCount: 0,
  };

  let program = new Program({ dataDir, flags: FLAGS });
  let client = connect(await program.ready, { protocol: "cbor" });
  for (const writer of [short, long]) {
    await createStream(client, writer.streamName, 1);
    writer.shardId = (await listShards(client, writer.streamName))[0]!.ShardId;
  }
  await client.increaseStreamRetentionPeriod({ StreamName: "year", RetentionPeriodHours: YEAR_HOURS });

  for (let round = 0; round < rounds(3); round += 1) {
    for (let request = 0; request < REQUESTS_PER_ROUND; request += 1) {
      await Promise.all([put(client, short), put(client, long)]);
    }
    const moved = advance(await program.ready, DAY_AND_MORE_MS).then(
      () => true,
      () => false,
    );
    const killAfterMs = random.below(KILL_MS_MAX);
    await runtime.clock.sleep(killAfterMs);
    await program.kill();
    await client.close();

    program = new Program({ dataDir, flags: FLAGS });
    const endpoint = await program.ready;
    client = connect(endpoint, { protocol: "cbor" });
    await checkAll(client, short, long);
    const wasMoved = await moved;
    if (wasMoved)
      expect(short.trimmedCount, "service time and what is past retention stay").toBe(short.count);
    else await advance(endpoint, DAY_AND_MORE_MS);
    await checkAll(client, short, long);
    expect(short.trimmedCount).toBe(short.count);
    const fileCount = readdirSync(join(dataDir, "journal")).length;
    console.info(
      `round ${round}: killed after ${killAfterMs} ms${wasMoved ? "" : ", before the clock was moved"}; ${fileCount} files`,
    );
  }

  const keptBytes = long.count * RECORD_BYTES;
  const writtenBytes = keptBytes + short.count * RECORD_BYTES;
  console.info(
    `written ${mib(writtenBytes)} MiB, kept ${mib(keptBytes)} MiB, on disk ${mib(sizeOf(dataDir))} MiB`,
  );
  await checkAll(client, short, long);
  await client.close();
  await program.stop();
  failed = false;
});

async function put(client: KinesisClient, writer: Writer): Promise<void> {
  const { FailedRecordCount } = await client.putRecords({
    StreamName: writer.streamName,
    Records: Array.from({ length: writer.recordsPerRequest }, (_, at) => {
      const name = { producer: writer.producer, ordinal: writer.count + at };
      return { PartitionKey: keyOf(name), Data: dataOf(name, RECORD_BYTES) };
    }),
  });
  expect(FailedRecordCount).toBe(0);
  writer.count += writer.recordsPerRequest;
}

async function checkAll(client: KinesisClient, short: Writer, long: Writer): Promise<void> {
  await readNumberedShard(client, "year", expectedOf(long));
  const { firstOrdinal } = await readNumberedShard(client, "day", {
    ...expectedOf(short),
    trimmedCount: short.trimmedCount,
  });
  short.trimmedCount = firstOrdinal;
}

function expectedOf({ shardId, producer, count }: Writer) {
  return { shardId, producer, acknowledgedCount: count, sentCount: count };
}

function sizeOf(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
