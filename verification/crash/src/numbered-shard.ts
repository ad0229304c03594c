/**
 * A shard with one producer that numbers its records from 0: what is in it can be checked without
 * remembering any of it, however much it is.
 */
import type { KinesisClient } from "@millrace/client";
import { keyOf, readPayload } from "./payload.ts";

export interface NumberedShard {
  readonly shardId: string;
  readonly producer: number;
  /** Records 0 to `acknowledgedCount - 1` were acknowledged. */
  readonly acknowledgedCount: number;
  /** Records below were sent and may be there. */
  readonly sentCount: number;
  /** Present where retention may have taken the oldest: records below it have been seen gone. */
  readonly trimmedCount?: number;
}

export interface NumberedReading {
  /** Ordinal of the oldest record; `nextOrdinal` when there is none. */
  readonly firstOrdinal: number;
  readonly nextOrdinal: number;
  readonly bytes: number;
}

/** Reads the shard from its beginning and fails with the first thing that is wrong. */
export async function readNumberedShard(
  client: KinesisClient,
  streamName: string,
  { shardId, producer, acknowledgedCount, sentCount, trimmedCount }: NumberedShard,
): Promise<NumberedReading> {
  const { ShardIterator } = await client.getShardIterator({
    StreamName: streamName,
    ShardId: shardId,
    ShardIteratorType: "TRIM_HORIZON",
  });
  let firstOrdinal: number | undefined;
  let nextOrdinal = 0;
  let bytes = 0;
  let lastNumber = "";
  let iterator = ShardIterator;
  for (;;) {
    const answer = await client.getRecords({ ShardIterator: iterator! });
    for (const { SequenceNumber, Data, PartitionKey } of answer.Records) {
      const name = readPayload(Data, PartitionKey);
      const place = `${shardId} ${SequenceNumber}`;
      if ("torn" in name) throw new Error(`${place}: ${name.torn}`);
      if (firstOrdinal === undefined) {
        if (trimmedCount !== undefined) nextOrdinal = name.ordinal;
        if (nextOrdinal < (trimmedCount ?? 0))
          throw new Error(`${place}: ${keyOf(name)} was gone and is back`);
        firstOrdinal = nextOrdinal;
      }
      if (name.producer !== producer || name.ordinal !== nextOrdinal) {
        throw new Error(`${place}: ${keyOf(name)} in place of ${keyOf({ producer, ordinal: nextOrdinal })}`);
      }
      if (SequenceNumber <= lastNumber) throw new Error(`${place} follows ${lastNumber}`);
      lastNumber = SequenceNumber;
      nextOrdinal += 1;
      bytes += Data.length;
    }
    iterator = answer.NextShardIterator;
    if (answer.Records.length === 0 && answer.MillisBehindLatest === 0) break;
  }
  // When retention took everything, nothing says how much that was.
  if (firstOrdinal === undefined && trimmedCount !== undefined) nextOrdinal = acknowledgedCount;
  if (nextOrdinal < acknowledgedCount) {
    throw new Error(
      `${shardId} ends before ${keyOf({ producer, ordinal: nextOrdinal })}, acknowledged were ${acknowledgedCount}`,
    );
  }
  if (nextOrdinal > sentCount)
    throw new Error(`${shardId} holds ${nextOrdinal} records, sent were ${sentCount}`);
  return { firstOrdinal: firstOrdinal ?? nextOrdinal, nextOrdinal, bytes };
}
