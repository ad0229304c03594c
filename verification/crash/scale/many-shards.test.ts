/** A thousand shards with the limits of AWS: every one is written, read, and read again after kill -9. */
import type { KinesisClient } from "@millrace/client";
import { afterEach, expect, test } from "vitest";
import { scratchDirectory, undoEverything } from "../src/cleanup.ts";
import { connect } from "../src/connection.ts";
import { inParallel } from "../src/in-parallel.ts";
import { readNumberedShard, type NumberedReading, type NumberedShard } from "../src/numbered-shard.ts";
import { dataOf, keyOf } from "../src/payload.ts";
import { Program } from "../src/program.ts";
import { listShards, untilActive, type Shard } from "../src/reading.ts";
import { howToRepeat, runtime } from "../src/settings.ts";

const SHARD_COUNT = 1_000;
const RECORDS_PER_SHARD = 40;
const RECORD_BYTES = 500;
const RECORDS_PER_REQUEST = 500;
/** Each round brings one record to every shard; at least this long, so that no shard comes near its limit. */
const ROUND_MS = 10;
const WIDTH = 16;

afterEach(undoEverything);

test(
  "1,000 shards with limits on: each holds exactly what was put, also after kill -9",
  { timeout: 240_000 },
  async () => {
    console.info(howToRepeat("scale/many-shards.test.ts"));
    let failed = true;
    const dataDir = scratchDirectory("shards", () => failed);
    let program = new Program({ dataDir, flags: ["--limits", "aws"] });
    let client = connect(await program.ready, { protocol: "cbor", attemptCountMax: 10 });

    const createdMs = await timed(async () => {
      await client.createStream({ StreamName: "wide", ShardCount: SHARD_COUNT });
      await untilActive(client, "wide");
    });
    const shards = await listShards(client, "wide");
    expect(shards.length).toBe(SHARD_COUNT);
    const writtenMs = await timed(() => writeAll(program, shards));
    console.info(
      `created in ${createdMs} ms, ${SHARD_COUNT * RECORDS_PER_SHARD} records written in ${writtenMs} ms`,
    );
    await refusesTooMuch(client, shards[0]!);
    const extra = await readOne(client, shards[0]!);

    await readAll(client, shards, extra, "read");
    const { peakBytes } = program.memory();
    await program.kill();
    await client.close();

    program = new Program({ dataDir, flags: ["--limits", "aws"] });
    client = connect(await program.ready, { protocol: "cbor", attemptCountMax: 10 });
    await readAll(client, shards, extra, "read after kill -9");
    console.info(
      `ready ${Math.round(program.startMs ?? 0)} ms after kill -9; memory at most ${mib(peakBytes)} MiB before, ` +
        `${mib(program.memory().peakBytes)} MiB after`,
    );
    await client.close();
    await program.stop();
    failed = false;
  },
);

/** Each request brings one record to each of 500 shards. */
async function writeAll(program: Program, shards: readonly Shard[]): Promise<void> {
  const client = connect(await program.ready, { protocol: "cbor" });
  for (let ordinal = 0; ordinal < RECORDS_PER_SHARD; ordinal += 1) {
    const startedMs = runtime.clock.monotonicMs();
    for (let from = 0; from < shards.length; from += RECORDS_PER_REQUEST) {
      const { FailedRecordCount, Records } = await client.putRecords({
        StreamName: "wide",
        Records: shards.slice(from, from + RECORDS_PER_REQUEST).map((shard, at) => {
          const name = { producer: from + at, ordinal };
          return {
            PartitionKey: keyOf(name),
            ExplicitHashKey: shard.HashKeyRange.StartingHashKey,
            Data: dataOf(name, RECORD_BYTES),
          };
        }),
      });
      expect(FailedRecordCount).toBe(0);
      expect(Records.map(({ ShardId }) => ShardId)).toEqual(
        shards.slice(from, from + RECORDS_PER_REQUEST).map(({ ShardId }) => ShardId),
      );
    }
    await runtime.clock.sleep(Math.max(0, ROUND_MS - (runtime.clock.monotonicMs() - startedMs)));
  }
  await client.close();
}

/** The limits are really on: 2,000 records at once are more than a shard takes in a second. */
async function refusesTooMuch(client: KinesisClient, shard: Shard): Promise<void> {
  const errorCodes = new Set<string>();
  for (let request = 0; request < 4; request += 1) {
    const { Records } = await client.putRecords({
      StreamName: "wide",
      Records: Array.from({ length: RECORDS_PER_REQUEST }, () => ({
        PartitionKey: "too much",
        ExplicitHashKey: shard.HashKeyRange.StartingHashKey,
        Data: Buffer.alloc(1),
      })),
    });
    for (const { ErrorCode } of Records) if (ErrorCode !== undefined) errorCodes.add(ErrorCode);
  }
  expect([...errorCodes]).toEqual(["ProvisionedThroughputExceededException"]);
}

/** How many records the shard holds that {@link refusesTooMuch} brought into it. */
async function readOne(client: KinesisClient, { ShardId }: Shard): Promise<number> {
  const { ShardIterator } = await client.getShardIterator({
    StreamName: "wide",
    ShardId,
    ShardIteratorType: "TRIM_HORIZON",
  });
  const { Records } = await client.getRecords({ ShardIterator: ShardIterator! });
  return Records.filter(({ PartitionKey }) => PartitionKey === "too much").length;
}

async function readAll(
  client: KinesisClient,
  shards: readonly Shard[],
  extraOfFirst: number,
  what: string,
): Promise<void> {
  let bytes = 0;
  const tookMs = await timed(() =>
    inParallel(shards.entries(), WIDTH, async ([producer, { ShardId: shardId }]) => {
      if (producer === 0) {
        expect(await readOne(client, shards[0]!)).toBe(extraOfFirst);
        return;
      }
      const expected: NumberedShard = {
        shardId,
        producer,
        acknowledgedCount: RECORDS_PER_SHARD,
        sentCount: RECORDS_PER_SHARD,
      };
      const reading: NumberedReading = await readNumberedShard(client, "wide", expected);
      expect(reading.nextOrdinal).toBe(RECORDS_PER_SHARD);
      bytes += reading.bytes;
    }),
  );
  console.info(`${what}: ${mib(bytes)} MiB of ${SHARD_COUNT} shards in ${tookMs} ms`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = runtime.clock.monotonicMs();
  await work();
  return Math.round(runtime.clock.monotonicMs() - startedMs);
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
