/** Records into shards: routing, the shard's rate, one log entry per shard, and the race with a close. */
import type { HashKeyHex } from "@millrace/model";
import { encodeBatch } from "@millrace/log";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { throttleOf } from "../context.ts";

export interface RecordToPut {
  /** UTF-8 of the partition key; undefined when the record has none. */
  readonly key: Uint8Array | undefined;
  readonly data: Uint8Array;
  readonly hashKey: HashKeyHex;
}

export type PutOutcome =
  | { readonly kind: "stored"; readonly shard: Shard; readonly sequenceNumber: string }
  | { readonly kind: "throttled"; readonly shard: Shard }
  | { readonly kind: "failed"; readonly shard: Shard; readonly reason: string }
  /** The stream was deleted meanwhile. */
  | { readonly kind: "gone" };

/** What a record counts against limits: decoded data and key. */
export function sizeOfRecord({ key, data }: Pick<RecordToPut, "key" | "data">): number {
  return data.length + (key?.length ?? 0);
}

/**
 * Stores records, each in the shard that owns its hash key, and resolves with their outcomes, in order, when
 * all that could be stored is durable. Records of one shard keep their order and share one log entry.
 */
export async function putRecords(
  context: StreamsContext,
  stream: Stream,
  records: readonly RecordToPut[],
): Promise<PutOutcome[]> {
  const outcomes: PutOutcome[] = Array.from({ length: records.length });
  const nowMs = context.clock.nowMs();
  const admitted: number[] = [];
  for (const [index, record] of records.entries()) {
    const shard = stream.openShardOf(record.hashKey);
    if (shard === undefined) {
      outcomes[index] = { kind: "gone" };
      continue;
    }
    const exceeded = throttleOf(context, shard).exceededByWrite(sizeOfRecord(record), nowMs);
    if (exceeded === undefined) admitted.push(index);
    else {
      outcomes[index] = { kind: "throttled", shard };
      context.meter.throttled(stream, shard, exceeded, 1);
    }
  }
  await store(context, stream, records, admitted, outcomes);
  return outcomes;
}

async function store(
  context: StreamsContext,
  stream: Stream,
  records: readonly RecordToPut[],
  indexes: readonly number[],
  outcomes: PutOutcome[],
): Promise<void> {
  const byShard = new Map<Shard, number[]>();
  for (const index of indexes) {
    const shard = stream.gone ? undefined : stream.openShardOf(records[index]!.hashKey);
    if (shard === undefined) {
      outcomes[index] = { kind: "gone" };
      continue;
    }
    const mates = byShard.get(shard);
    if (mates === undefined) byShard.set(shard, [index]);
    else mates.push(index);
  }
  const appends: Promise<void>[] = [];
  for (const [shard, mates] of byShard)
    appends.push(append(context, stream, shard, records, mates, outcomes));
  await Promise.all(appends);
}

async function append(
  context: StreamsContext,
  stream: Stream,
  shard: Shard,
  records: readonly RecordToPut[],
  indexes: readonly number[],
  outcomes: PutOutcome[],
): Promise<void> {
  const batch = encodeBatch(indexes.map((index) => records[index]!));
  const outcome = await context.engine.append(shard.logId, batch);
  switch (outcome.kind) {
    case "appended": {
      const traffic = context.traffic.of(stream, shard);
      const isAuto = stream.header.recordDistribution === "AUTO";
      let bytes = 0;
      for (const [recordIndex, index] of indexes.entries()) {
        const sequenceNumber = shard.sequenceNumber(outcome.index, recordIndex);
        outcomes[index] = { kind: "stored", shard, sequenceNumber };
        const sizeBytes = sizeOfRecord(records[index]!);
        bytes += sizeBytes;
        traffic?.note(isAuto ? undefined : records[index]!.hashKey, sizeBytes);
      }
      context.meter.incoming(stream, shard, indexes.length, bytes);
      return;
    }
    case "closed":
      // The shard closed before our turn: the records belong to its children. They are known here as soon
      // as the close is durable. The children's rates are not charged, the parent's were.
      while (shard.isOpen && !stream.gone) await stream.nextChange();
      return store(context, stream, records, indexes, outcomes);
    case "read-only":
    case "unknown":
      for (const index of indexes) outcomes[index] = { kind: "failed", shard, reason: outcome.reason };
  }
}
