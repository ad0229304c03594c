/** Records into shards: routing, the shard's rate, one log entry per shard, and the race with a close. */
import { batchOfRanges } from "@millrace/log";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { throttleOf } from "../context.ts";
import type { RecordsToPut } from "./records-to-put.ts";

export type PutOutcome =
  | { readonly kind: "stored"; readonly shard: Shard; readonly sequenceNumber: string }
  | { readonly kind: "throttled"; readonly shard: Shard }
  | { readonly kind: "failed"; readonly shard: Shard; readonly reason: string }
  /** The stream was deleted meanwhile. */
  | { readonly kind: "gone" };

/**
 * Stores records, each in the shard that owns its hash key, and resolves with their outcomes, in order, when
 * all that could be stored is durable. Records of one shard keep their order and share one log entry.
 */
export async function putRecords(
  context: StreamsContext,
  stream: Stream,
  records: RecordsToPut,
): Promise<PutOutcome[]> {
  const { columns, hashKeys } = records;
  const outcomes: PutOutcome[] = Array.from({ length: columns.count });
  const nowMs = context.clock.nowMs();
  const byShard = new Map<Shard, number[]>();
  for (let index = 0; index < columns.count; index += 1) {
    const shard = stream.openShardOf(hashKeys, index);
    if (shard === undefined) {
      outcomes[index] = { kind: "gone" };
      continue;
    }
    const exceeded = throttleOf(context, shard).exceededByWrite(columns.sizeOf(index), nowMs);
    if (exceeded === undefined) addTo(byShard, shard, index);
    else {
      outcomes[index] = { kind: "throttled", shard };
      context.meter.throttled(stream, shard, exceeded, 1);
    }
  }
  await appendAll(context, stream, records, byShard, outcomes);
  return outcomes;
}

function addTo(byShard: Map<Shard, number[]>, shard: Shard, index: number): void {
  const mates = byShard.get(shard);
  if (mates === undefined) byShard.set(shard, [index]);
  else mates.push(index);
}

/** Settles only when nobody looks at the records any more: their bytes may be used again afterwards. */
async function appendAll(
  context: StreamsContext,
  stream: Stream,
  records: RecordsToPut,
  byShard: ReadonlyMap<Shard, readonly number[]>,
  outcomes: PutOutcome[],
): Promise<void> {
  const appends: Promise<void>[] = [];
  for (const [shard, mates] of byShard) {
    appends.push(append(context, stream, shard, records, mates, outcomes));
  }
  for (const result of await Promise.allSettled(appends)) {
    if (result.status === "rejected") throw result.reason;
  }
}

async function append(
  context: StreamsContext,
  stream: Stream,
  shard: Shard,
  records: RecordsToPut,
  indexes: readonly number[],
  outcomes: PutOutcome[],
): Promise<void> {
  const { columns, hashKeys } = records;
  const outcome = await context.engine.append(shard.logId, batchOfRanges(columns, indexes));
  switch (outcome.kind) {
    case "appended": {
      const traffic = context.traffic.of(stream, shard);
      const isAuto = stream.header.recordDistribution === "AUTO";
      let bytes = 0;
      for (const [recordIndex, index] of indexes.entries()) {
        const sequenceNumber = shard.sequenceNumber(outcome.index, recordIndex);
        outcomes[index] = { kind: "stored", shard, sequenceNumber };
        const sizeBytes = columns.sizeOf(index);
        bytes += sizeBytes;
        traffic?.note(isAuto ? undefined : hashKeys.hex(index), sizeBytes);
      }
      context.meter.incoming(stream, shard, indexes.length, bytes);
      return;
    }
    case "closed":
      // The shard closed before our turn: the records belong to its children. They are known here as soon
      // as the close is durable. The children's rates are not charged, the parent's were.
      while (shard.isOpen && !stream.gone) await stream.nextChange();
      return appendAll(context, stream, records, routeAgain(stream, records, indexes, outcomes), outcomes);
    case "read-only":
    case "unknown":
      for (const index of indexes) outcomes[index] = { kind: "failed", shard, reason: outcome.reason };
  }
}

function routeAgain(
  stream: Stream,
  { hashKeys }: RecordsToPut,
  indexes: readonly number[],
  outcomes: PutOutcome[],
): Map<Shard, number[]> {
  const byShard = new Map<Shard, number[]>();
  for (const index of indexes) {
    const shard = stream.gone ? undefined : stream.openShardOf(hashKeys, index);
    if (shard === undefined) outcomes[index] = { kind: "gone" };
    else addTo(byShard, shard, index);
  }
  return byShard;
}
