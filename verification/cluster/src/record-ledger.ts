/** Writers and readers of a stream over several servers, and what must hold of what they saw. */
import { createKinesisClient, type KinesisClient } from "@millrace/client";
import { nodeRuntime } from "@millrace/runtime";

const { clock, random } = nodeRuntime();

export interface StoredRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

export function clientOf(endpoint: string): KinesisClient {
  return createKinesisClient({
    endpoint,
    clock,
    random,
    attemptCountMax: 1,
    attemptTimeoutMs: 20_000,
    protocol: "cbor",
  });
}

/** What is acknowledged, by the record's own text. */
export class RecordLedger {
  readonly acknowledged = new Map<string, StoredRecord>();
  failedCount = 0;
  worstGapMs = 0;
  #isRunning = true;

  stop(): void {
    this.#isRunning = false;
  }

  /** Puts one record after the other, each through another server, and tries none again: a failed one may be stored or not. */
  async write(streamName: string, writer: string, endpoints: readonly string[]): Promise<void> {
    const clients = endpoints.map(clientOf);
    let lastMs = clock.monotonicMs();
    let number = 0;
    while (this.#isRunning) {
      number += 1;
      const text = `${writer}:${number}`;
      try {
        const { ShardId, SequenceNumber } = await clients[number % clients.length]!.putRecord({
          StreamName: streamName,
          PartitionKey: text,
          Data: Buffer.from(text),
        });
        this.acknowledged.set(text, { shardId: ShardId, sequenceNumber: SequenceNumber });
        this.worstGapMs = Math.max(this.worstGapMs, clock.monotonicMs() - lastMs);
        lastMs = clock.monotonicMs();
      } catch {
        this.failedCount += 1;
        await clock.sleep(20);
      }
    }
    await Promise.all(clients.map((client) => client.close()));
  }

  /** What is wrong with what a server gives of the stream: nothing may be missing, twice at one place, or out of order. */
  async check(streamName: string, endpoint: string): Promise<string[]> {
    const client = clientOf(endpoint);
    const wrong: string[] = [];
    const stored = new Map<string, StoredRecord[]>();
    const { Shards = [] } = await client.listShards({ StreamName: streamName });
    for (const { ShardId, SequenceNumberRange } of Shards) {
      const first = await client.getShardIterator({
        StreamName: streamName,
        ShardId,
        ShardIteratorType: "TRIM_HORIZON",
      });
      let before = "";
      for (let iterator = first.ShardIterator; iterator !== undefined;) {
        const { Records, NextShardIterator, MillisBehindLatest } = await client.getRecords({
          ShardIterator: iterator,
        });
        for (const { Data, SequenceNumber } of Records) {
          if (SequenceNumber <= before) wrong.push(`${SequenceNumber} comes after ${before} in ${ShardId}`);
          before = SequenceNumber;
          const text = Buffer.from(Data).toString();
          const place = { shardId: ShardId, sequenceNumber: SequenceNumber };
          stored.set(text, [...(stored.get(text) ?? []), place]);
          const end = SequenceNumberRange.EndingSequenceNumber;
          if (end !== undefined && SequenceNumber > end)
            wrong.push(`${SequenceNumber} is behind the end of ${ShardId}`);
        }
        iterator = MillisBehindLatest === 0 && Records.length === 0 ? undefined : NextShardIterator;
      }
    }
    for (const [text, { shardId, sequenceNumber }] of this.acknowledged) {
      const places = stored.get(text) ?? [];
      if (!places.some((place) => place.shardId === shardId && place.sequenceNumber === sequenceNumber)) {
        wrong.push(
          `${text} was acknowledged at ${shardId} ${sequenceNumber} and is at ${JSON.stringify(places)}`,
        );
      }
    }
    await client.close();
    return wrong;
  }
}
