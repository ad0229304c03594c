/** Records into shards: routing, the shard's rate, one log entry per shard, and the race with a close. */
import { batchOfRanges } from "@millrace/log";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import type { LimitName } from "../limits.ts";
import type { Verdicts } from "../throttle/shared-rates.ts";
import { PutOutcomes } from "./put-outcomes.ts";
import type { RecordsToPut } from "./records-to-put.ts";

/** Records of one shard: their indexes in the request, in order, and what they count against limits together. */
interface Mates {
  readonly indexes: number[];
  bytes: number;
}

/**
 * Stores records, each in the shard that owns its hash key, and resolves with their outcomes, in order, when
 * all that could be stored is durable. Records of one shard keep their order and share one log entry.
 */
export async function putRecords(
  context: StreamsContext,
  stream: Stream,
  records: RecordsToPut,
): Promise<PutOutcomes> {
  const { columns } = records;
  const outcomes = new PutOutcomes(columns.count);
  const nowMs = context.clock.nowMs();
  const byShard = new Map<Shard, Mates>();
  for (let index = 0; index < columns.count; index += 1) route(stream, records, index, byShard, outcomes);
  const elsewhere = context.rates.writesElsewhere(stream, byShard, columns);
  const verdicts = elsewhere === undefined ? undefined : await elsewhere;
  for (const [shard, { indexes, bytes }] of byShard) {
    const throttle = context.rates.throttleOf(shard);
    const said = verdicts?.get(shard);
    if (said === undefined ? throttle.admitWrites(indexes.length, bytes, nowMs) : said === "all") continue;
    const exceededBy = (index: number, at: number): LimitName | undefined =>
      said === undefined ? throttle.exceededByWrite(columns.sizeOf(index), nowMs) : refusalIn(said, at);
    const admitted = admitSome(context, stream, shard, records, indexes, exceededBy, outcomes);
    if (admitted.indexes.length > 0) byShard.set(shard, admitted);
    else byShard.delete(shard);
  }
  await appendAll(context, stream, records, byShard, outcomes);
  return outcomes;
}

function refusalIn(said: Verdicts, at: number): LimitName | undefined {
  return said === "all" ? undefined : said[at];
}

function route(
  stream: Stream,
  { columns, hashKeys }: RecordsToPut,
  index: number,
  byShard: Map<Shard, Mates>,
  outcomes: PutOutcomes,
): void {
  const shard = stream.openShardOf(hashKeys, index);
  if (shard === undefined) {
    outcomes.gone(index);
    return;
  }
  const sizeBytes = columns.sizeOf(index);
  const mates = byShard.get(shard);
  if (mates === undefined) byShard.set(shard, { indexes: [index], bytes: sizeBytes });
  else {
    mates.indexes.push(index);
    mates.bytes += sizeBytes;
  }
}

/** Asks the shard's limits for each record by itself, where there is not enough left for all of them. */
function admitSome(
  context: StreamsContext,
  stream: Stream,
  shard: Shard,
  { columns }: RecordsToPut,
  indexes: readonly number[],
  exceededBy: (index: number, at: number) => LimitName | undefined,
  outcomes: PutOutcomes,
): Mates {
  const admitted: Mates = { indexes: [], bytes: 0 };
  for (const [at, index] of indexes.entries()) {
    const sizeBytes = columns.sizeOf(index);
    const exceeded = exceededBy(index, at);
    if (exceeded === undefined) {
      admitted.indexes.push(index);
      admitted.bytes += sizeBytes;
    } else {
      outcomes.throttled(index, shard);
      context.meter.throttled(stream, shard, exceeded, 1);
    }
  }
  return admitted;
}

/** Settles only when nobody looks at the records any more: their bytes may be used again afterwards. */
async function appendAll(
  context: StreamsContext,
  stream: Stream,
  records: RecordsToPut,
  byShard: ReadonlyMap<Shard, Mates>,
  outcomes: PutOutcomes,
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
  { indexes, bytes }: Mates,
  outcomes: PutOutcomes,
): Promise<void> {
  const { columns, hashKeys } = records;
  const outcome = await context.engine.append(shard.logId, batchOfRanges(columns, indexes));
  switch (outcome.kind) {
    case "appended": {
      outcomes.stored(indexes, shard, outcome.index);
      const traffic = context.traffic.of(stream, shard);
      if (traffic !== undefined) {
        const isAuto = stream.header.recordDistribution === "AUTO";
        for (const index of indexes) {
          traffic.note(isAuto ? undefined : hashKeys.hex(index), columns.sizeOf(index));
        }
      }
      context.meter.incoming(stream, shard, indexes.length, bytes);
      return;
    }
    case "closed": {
      // The shard closed before our turn: the records belong to its children. They are known here as soon
      // as the close is durable. The children's rates are not charged, the parent's were.
      while (shard.isOpen && !stream.gone) await stream.nextChange();
      const byShard = new Map<Shard, Mates>();
      for (const index of indexes) {
        if (stream.gone) outcomes.gone(index);
        else route(stream, records, index, byShard, outcomes);
      }
      return appendAll(context, stream, records, byShard, outcomes);
    }
    case "read-only":
    case "unknown":
      outcomes.failed(indexes, shard, outcome.reason);
  }
}
