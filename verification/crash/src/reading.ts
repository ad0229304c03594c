/** Reads streams whole, as any client can. */
import type { OutputOf, kinesis } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import type { ShardReading, StreamReading } from "./checker.ts";
import type { ReadRecord } from "./ledger.ts";
import { readPayload } from "./payload.ts";
import { runtime } from "./settings.ts";

export type Shard = OutputOf<typeof kinesis.operations.ListShards>["Shards"] extends
  | readonly (infer S)[]
  | undefined
  ? S
  : never;

const ACTIVE_TIMEOUT_MS = 20_000;

export async function untilActive(client: KinesisClient, streamName: string): Promise<void> {
  const deadlineMs = runtime.clock.monotonicMs() + ACTIVE_TIMEOUT_MS;
  for (;;) {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: streamName });
    if (StreamDescriptionSummary.StreamStatus === "ACTIVE") return;
    if (runtime.clock.monotonicMs() > deadlineMs) {
      throw new Error(`${streamName} is still ${StreamDescriptionSummary.StreamStatus}`);
    }
    await runtime.clock.sleep(10);
  }
}

export async function listShards(client: KinesisClient, streamName: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.listShards(
      NextToken === undefined ? { StreamName: streamName } : { NextToken },
    );
    shards.push(...(page.Shards ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return shards;
}

/** What a shard holds behind a number, up to its end or to the tip of it. */
export async function readShard(
  client: KinesisClient,
  streamName: string,
  shardId: string,
  afterSequenceNumber?: string,
): Promise<{ readonly records: ReadRecord[]; readonly ended: boolean }> {
  const { ShardIterator } = await client.getShardIterator({
    StreamName: streamName,
    ShardId: shardId,
    ...(afterSequenceNumber === undefined
      ? { ShardIteratorType: "TRIM_HORIZON" }
      : { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: afterSequenceNumber }),
  });
  const records: ReadRecord[] = [];
  let iterator = ShardIterator;
  while (iterator !== undefined) {
    const answer = await client.getRecords({ ShardIterator: iterator });
    for (const record of answer.Records) {
      records.push({
        sequenceNumber: record.SequenceNumber,
        name: readPayload(record.Data, record.PartitionKey),
        sizeBytes: record.Data.length,
        arrivalMs: record.ApproximateArrivalTimestamp ?? 0,
      });
    }
    iterator = answer.NextShardIterator;
    if (iterator !== undefined && answer.Records.length === 0 && answer.MillisBehindLatest === 0) {
      return { records, ended: false };
    }
  }
  return { records, ended: true };
}

/** Everything of a stream that nobody changes meanwhile. */
export async function readStream(client: KinesisClient, streamName: string): Promise<StreamReading> {
  const shards: ShardReading[] = [];
  for (const shard of await listShards(client, streamName)) {
    const { records, ended } = await readShard(client, streamName, shard.ShardId);
    shards.push({
      shardId: shard.ShardId,
      range: {
        startingHashKey: BigInt(shard.HashKeyRange.StartingHashKey),
        endingHashKey: BigInt(shard.HashKeyRange.EndingHashKey),
      },
      parents: [shard.ParentShardId, shard.AdjacentParentShardId].filter((parent) => parent !== undefined),
      endingSequenceNumber: shard.SequenceNumberRange.EndingSequenceNumber,
      ended,
      records,
    });
  }
  return { shards };
}
