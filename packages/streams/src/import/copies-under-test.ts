/** Copies of a stream from one service under test to another, as a copier makes them that knows only the API of the source. */
import { seededRandom } from "@millrace/runtime";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";
import type { ImportedSettings, ImportedShard } from "./imported-stream.ts";
import type { ImportName, ShardProgress } from "./imports.ts";
import type { ImportedRecord } from "./records-to-import.ts";

export const OFF = { limits: { mode: "off" } } as const;

export const COPY: ImportName = {
  accountId: "123456789012",
  region: "us-east-1",
  name: "s",
  source: "the stream s elsewhere",
};

/** A record as readers see it. */
export interface Seen {
  readonly sequenceNumber: string;
  readonly arrivalMs: number;
  readonly key: string;
  readonly text: string;
}

export async function settingsOf({ call }: ServiceUnderTest): Promise<ImportedSettings> {
  const { StreamDescriptionSummary: summary } = await call("DescribeStreamSummary", { StreamName: "s" });
  return {
    createdMs: summary.StreamCreationTimestamp,
    mode: "PROVISIONED",
    retentionHours: summary.RetentionPeriodHours,
    shardLevelMetrics: [],
    tags: { team: "river" },
  };
}

export async function shardsOf({ call }: ServiceUnderTest): Promise<ImportedShard[]> {
  const { Shards = [] } = await call("ListShards", { StreamName: "s" });
  return Shards.map(
    ({ ShardId, ParentShardId, AdjacentParentShardId, HashKeyRange, SequenceNumberRange }) => ({
      shardId: ShardId,
      parentShardIds: [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined),
      startingHashKey: HashKeyRange.StartingHashKey,
      endingHashKey: HashKeyRange.EndingHashKey,
      startingSequenceNumber: SequenceNumberRange.StartingSequenceNumber,
      ...(SequenceNumberRange.EndingSequenceNumber === undefined
        ? {}
        : { endingSequenceNumber: SequenceNumberRange.EndingSequenceNumber }),
    }),
  );
}

/** Records from a place of a shard on, until no more are there. */
export async function recordsOf(
  { call }: ServiceUnderTest,
  shardId: string,
  from: Omit<Parameters<ServiceUnderTest["call"]>[1], never> = { ShardIteratorType: "TRIM_HORIZON" },
  limit = 10_000,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  const start = { StreamName: "s", ShardId: shardId, ...from } as { StreamName: string; ShardId: string };
  let { ShardIterator: iterator } = await call("GetShardIterator", {
    ShardIteratorType: "TRIM_HORIZON",
    ...start,
  });
  while (iterator !== undefined) {
    const { Records, NextShardIterator, MillisBehindLatest } = await call("GetRecords", {
      ShardIterator: iterator,
      Limit: limit,
    });
    for (const record of Records) {
      seen.push({
        sequenceNumber: record.SequenceNumber,
        arrivalMs: record.ApproximateArrivalTimestamp ?? 0,
        key: record.PartitionKey ?? "",
        text: Buffer.from(record.Data).toString(),
      });
    }
    iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
  }
  return seen;
}

export function importedOf({ sequenceNumber, arrivalMs, key, text }: Seen): ImportedRecord {
  return { sequenceNumber, arrivalMs, key: Buffer.from(key), data: Buffer.from(text) };
}

/** Copies what is not there yet, `batchSize` records at a time, and stops after `batchesMax` batches. */
export async function copyRecords(
  from: ServiceUnderTest,
  to: ServiceUnderTest,
  { batchSize = 7, batchesMax = Infinity } = {},
): Promise<ShardProgress[]> {
  const begun = await to.streams.imports.begin(COPY, await settingsOf(from), await shardsOf(from));
  const reached: ShardProgress[] = [];
  let batches = 0;
  for (const { shardId, lastSequenceNumber } of begun.shards) {
    let last = lastSequenceNumber;
    const wanted = (await recordsOf(from, shardId)).filter(
      ({ sequenceNumber }) => last === undefined || sequenceNumber > last,
    );
    for (let at = 0; at < wanted.length && batches < batchesMax; at += batchSize) {
      const batch = wanted.slice(at, at + batchSize);
      await to.streams.imports.append(COPY, shardId, last, batch.map(importedOf));
      last = batch.at(-1)!.sequenceNumber;
      batches += 1;
    }
    reached.push({ shardId, lastSequenceNumber: last });
  }
  return reached;
}

export async function copyAll(from: ServiceUnderTest, to: ServiceUnderTest): Promise<void> {
  const progress = await copyRecords(from, to);
  await to.streams.imports.finish(COPY, await shardsOf(from), progress);
}

/** A stream with splits, merges, batches and pauses between them, by chance. */
export async function sourceWith(seed: number, steps = 40): Promise<ServiceUnderTest> {
  const random = seededRandom(seed);
  const service = await serviceUnderTest(OFF);
  const { call, clock } = service;
  const upTo = (bound: number): number => Math.floor(random.fraction() * bound);
  await service.createStream("s", 1 + upTo(3));
  let written = 0;
  for (let step = 0; step < steps; step += 1) {
    const open = (await shardsOf(service)).filter((shard) => shard.endingSequenceNumber === undefined);
    const chosen = open[upTo(open.length)]!;
    const kind = upTo(10);
    if (kind === 0 && open.length < 6) {
      await call("SplitShard", {
        StreamName: "s",
        ShardToSplit: chosen.shardId,
        NewStartingHashKey: middleOf(chosen),
      });
      await clock.advance(60);
    } else if (kind === 1) {
      const next = open.find(
        ({ startingHashKey }) => BigInt(startingHashKey) === BigInt(chosen.endingHashKey) + 1n,
      );
      if (next === undefined) continue;
      await call("MergeShards", {
        StreamName: "s",
        ShardToMerge: chosen.shardId,
        AdjacentShardToMerge: next.shardId,
      });
      await clock.advance(60);
    } else if (kind === 2) await clock.advance(upTo(20 * 60_000));
    else {
      await call("PutRecords", {
        StreamName: "s",
        Records: Array.from({ length: 1 + upTo(12) }, () => ({
          PartitionKey: `key ${upTo(100)}`,
          Data: Buffer.from(`record ${(written += 1)}`),
        })),
      });
    }
  }
  return service;
}

export function middleOf({ startingHashKey, endingHashKey }: ImportedShard): string {
  return String((BigInt(startingHashKey) + BigInt(endingHashKey)) / 2n);
}

/** A service whose clock says what the source's does. */
export async function targetFor(source: ServiceUnderTest): Promise<ServiceUnderTest> {
  const target = await serviceUnderTest(OFF);
  await target.clock.advance(source.clock.nowMs() - target.clock.nowMs() + 1_000);
  return target;
}

export async function everything(service: ServiceUnderTest): Promise<Map<string, Seen[]>> {
  const all = new Map<string, Seen[]>();
  for (const { shardId } of await shardsOf(service)) all.set(shardId, await recordsOf(service, shardId));
  return all;
}
