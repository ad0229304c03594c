/** User records of benches that produce: what they are, and how they are read again. */
import type { KinesisClient } from "@millrace/client";
import { readAggregatedRecord } from "@millrace/model";
import type { RecordToPut } from "@millrace/producer";

export const USER_KEY_COUNT = 10_000;

/** Records `first`, `first + 1`, …: a number with filling behind it, of keys that come again. */
export function* userRecords(first: number, count: number, sizeBytes: number): Generator<RecordToPut> {
  const filling = "x".repeat(sizeBytes);
  for (let number = first; number < first + count; number += 1) {
    const data = Buffer.allocUnsafe(sizeBytes);
    data.write(`${number} ${filling}`, "latin1");
    yield { partitionKey: `user-${number % USER_KEY_COUNT}`, data };
  }
}

/** Every user record of a stream, aggregated or not: key and data as a text, in no order. */
export async function readUserRecords(client: KinesisClient, streamName: string): Promise<string[]> {
  const found: string[] = [];
  const { Shards = [] } = await client.listShards({ StreamName: streamName });
  for (const { ShardId } of Shards) {
    const first = await client.getShardIterator({
      StreamName: streamName,
      ShardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    let iterator = first.ShardIterator;
    while (iterator !== undefined) {
      const { Records, NextShardIterator, MillisBehindLatest } = await client.getRecords({
        ShardIterator: iterator,
      });
      for (const { Data, PartitionKey = "" } of Records) {
        const packed = readAggregatedRecord(Data) ?? [{ partitionKey: PartitionKey, data: Data }];
        for (const { partitionKey, data } of packed) {
          found.push(`${partitionKey} ${Buffer.from(data).toString("latin1")}`);
        }
      }
      iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
    }
  }
  return found;
}
