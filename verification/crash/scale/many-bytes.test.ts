/** Many bytes written, killed, recovered and read back: `SCALE_BYTES=10e9` for ten gigabytes. */
import type { KinesisClient } from "@millrace/client";
import { afterEach, expect, test } from "vitest";
import { scratchDirectory, undoEverything } from "../src/cleanup.ts";
import { connect } from "../src/connection.ts";
import { readNumberedShard, type NumberedShard } from "../src/numbered-shard.ts";
import { dataOf, keyOf } from "../src/payload.ts";
import { Program } from "../src/program.ts";
import { listShards, type Shard } from "../src/reading.ts";
import { howToRepeat, runtime, scaleBytes } from "../src/settings.ts";
import { createStream } from "../src/verdict.ts";

const SHARD_COUNT = 4;
const RECORD_BYTES = 20_000;
const RECORDS_PER_REQUEST = 100;
/** After a clean stop a server with ten gigabytes is ready within this. */
const CLEAN_START_BUDGET_MS = 1_000;
/** What grows with load keeps within this; the program itself and what its runtime has not collected come on top. */
const MEMORY_MIB = 512;
const MEMORY_ON_TOP_MIB = 384;
const FLAGS = ["--limits", "off", "--memory", `${MEMORY_MIB}MiB`];

afterEach(undoEverything);

test("many bytes are there after kill -9 and after a clean stop", { timeout: 0 }, async () => {
  console.info(howToRepeat("scale/many-bytes.test.ts"));
  let failed = true;
  const dataDir = scratchDirectory("bytes", () => failed);
  let program = new Program({ dataDir, flags: FLAGS });
  let client = connect(await program.ready, { protocol: "cbor" });
  await createStream(client, "deep", SHARD_COUNT);
  const shards = await listShards(client, "deep");

  const writing = await timed(() => writeAll(client, shards, scaleBytes()));
  const bytes = writing.result.reduce(
    (sum, { acknowledgedCount }) => sum + acknowledgedCount * RECORD_BYTES,
    0,
  );
  report("written", bytes, writing.tookMs, program);
  await program.kill();
  await client.close();

  for (const [what, start, written] of [
    ["kill -9", undefined, writing.result],
    // All of it was read after the worse end: of this one a shard tells enough.
    ["a clean stop", CLEAN_START_BUDGET_MS, writing.result.slice(0, 1)],
  ] as const) {
    program = new Program({ dataDir, flags: FLAGS });
    client = connect(await program.ready, { protocol: "cbor" });
    const startMs = Math.round(program.startMs ?? 0);
    const verdict =
      start === undefined
        ? ""
        : startMs <= start
          ? ` (pass: at most ${start})`
          : ` (miss: more than ${start})`;
    const startMemory = program.memory().residentBytes;
    console.info(`ready ${startMs} ms after ${what}${verdict}, with ${mib(startMemory)} MiB resident`);
    const reading = await timed(() => readAll(client, written));
    report(`read after ${what}`, reading.result, reading.tookMs, program);
    expect(reading.result).toBeGreaterThanOrEqual((bytes * written.length) / writing.result.length);
    await client.close();
    await program.stop();
  }
  failed = false;
});

async function writeAll(
  client: KinesisClient,
  shards: readonly Shard[],
  bytes: number,
): Promise<NumberedShard[]> {
  const perShard = Math.ceil(bytes / RECORD_BYTES / shards.length);
  return Promise.all(
    shards.map(async ({ ShardId: shardId, HashKeyRange }, producer) => {
      for (let first = 0; first < perShard; first += RECORDS_PER_REQUEST) {
        const { FailedRecordCount } = await client.putRecords({
          StreamName: "deep",
          Records: Array.from({ length: Math.min(RECORDS_PER_REQUEST, perShard - first) }, (_, at) => {
            const name = { producer, ordinal: first + at };
            return {
              PartitionKey: keyOf(name),
              ExplicitHashKey: HashKeyRange.StartingHashKey,
              Data: dataOf(name, RECORD_BYTES),
            };
          }),
        });
        expect(FailedRecordCount).toBe(0);
      }
      return { shardId, producer, acknowledgedCount: perShard, sentCount: perShard };
    }),
  );
}

async function readAll(client: KinesisClient, shards: readonly NumberedShard[]): Promise<number> {
  let bytes = 0;
  for (const shard of shards) bytes += (await readNumberedShard(client, "deep", shard)).bytes;
  return bytes;
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; tookMs: number }> {
  const startedMs = runtime.clock.monotonicMs();
  const result = await work();
  return { result, tookMs: Math.round(runtime.clock.monotonicMs() - startedMs) };
}

function report(what: string, bytes: number, tookMs: number, program: Program): void {
  const { residentBytes, peakBytes } = program.memory();
  console.info(
    `${what}: ${(bytes / 1e9).toFixed(2)} GB in ${(tookMs / 1000).toFixed(1)} s, ${Math.round(bytes / 1e3 / tookMs)} MB/s; ` +
      `memory ${mib(residentBytes)} MiB, at most ${mib(peakBytes)} MiB`,
  );
  expect(mib(peakBytes), "memory stays within its bound however much is stored").toBeLessThan(
    MEMORY_MIB + MEMORY_ON_TOP_MIB,
  );
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
