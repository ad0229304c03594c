/** One record into its shard: what {@link putRecords} does for many, without what many need. */
import { batchOfRanges } from "@millrace/log";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import type { PutOutcome } from "./put-outcomes.ts";
import type { RecordsToPut } from "./records-to-put.ts";

const ONLY: readonly number[] = Object.freeze([0]);
const GONE: PutOutcome = Object.freeze({ kind: "gone" });

/**
 * Stores the first record of `records` in the shard that owns its hash key, and resolves with its outcome when it is durable if it
 * could be stored.
 */
export async function putOneRecord(
  context: StreamsContext,
  stream: Stream,
  records: RecordsToPut,
): Promise<PutOutcome> {
  const { columns, hashKeys } = records;
  const sizeBytes = columns.sizeOf(0);
  let shard: Shard | undefined = stream.openShardOf(hashKeys, 0);
  if (shard === undefined) return GONE;
  const elsewhere = context.rates.writeElsewhere(stream, shard, sizeBytes);
  const said = elsewhere === undefined ? undefined : await elsewhere;
  const exceeded =
    said === undefined
      ? context.rates.throttleOf(shard).exceededByWrite(sizeBytes, context.clock.nowMs())
      : said.exceeded;
  if (exceeded !== undefined) {
    context.meter.throttled(stream, shard, exceeded, 1);
    return { kind: "throttled", shard };
  }
  const batch = batchOfRanges(columns, ONLY);
  do {
    const outcome = await context.engine.append(shard.logId, batch);
    switch (outcome.kind) {
      case "appended": {
        const isAuto = stream.header.recordDistribution === "AUTO";
        context.traffic.of(stream, shard)?.note(isAuto ? undefined : hashKeys.hex(0), sizeBytes);
        context.meter.incoming(stream, shard, 1, sizeBytes);
        return { kind: "stored", shard, sequenceNumber: shard.sequenceNumber(outcome.index, 0) };
      }
      case "read-only":
      case "unknown":
        return { kind: "failed", shard, reason: outcome.reason };
      case "closed":
        // The shard closed before our turn: the record belongs to one of its children, which are known here as soon as the
        // close is durable. The child's rate is not charged, the parent's was.
        while (shard.isOpen && !stream.gone) await stream.nextChange();
        shard = stream.gone ? undefined : stream.openShardOf(hashKeys, 0);
    }
  } while (shard !== undefined);
  return GONE;
}
