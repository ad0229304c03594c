/** Warm throughput: what an on-demand stream takes in writes without having to scale first. */
import type { StreamHeader } from "../catalog/records.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { resharding, updating } from "../updating.ts";

/** What one shard takes, in MiB per second. */
const SHARD_MIBPS = 1;

/** How many shards take that much. */
export function shardsForThroughput(throughputMiBps: number): number {
  return Math.ceil(throughputMiBps / SHARD_MIBPS);
}

/** How many shards a stream lacks to take that much. */
export function additionalShards(stream: Stream, throughputMiBps: number): number {
  return Math.max(0, shardsForThroughput(throughputMiBps) - stream.openShards().length);
}

/** What a stream's open shards take, in MiB per second. */
export function currentThroughputMiBps(stream: Stream): number {
  return stream.openShards().length * SHARD_MIBPS;
}

/**
 * The header of a stream that is being warmed: UPDATING until it has the shards. Lowering takes no shards away;
 * 0 ends it.
 */
export function warmed(
  context: StreamsContext,
  stream: Stream,
  header: StreamHeader,
  throughputMiBps: number,
  nowMs: number,
): StreamHeader {
  const changed =
    throughputMiBps === 0 ? withoutWarmth(header) : { ...header, warmThroughputMiBps: throughputMiBps };
  if (additionalShards(stream, throughputMiBps) === 0) return updating(context, changed, nowMs);
  const targetShardCount = shardsForThroughput(throughputMiBps);
  return resharding(context, changed, { kind: "uniform", targetShardCount }, nowMs);
}

export function withoutWarmth(header: StreamHeader): StreamHeader {
  const { warmThroughputMiBps: _warmThroughputMiBps, ...rest } = header;
  return rest;
}

/** Warm throughput as answers show it: what was asked for, and what the open shards take. */
export function warmThroughputDescription(
  stream: Stream,
): { TargetMiBps: number; CurrentMiBps: number } | undefined {
  const { warmThroughputMiBps } = stream.header;
  if (warmThroughputMiBps === undefined) return undefined;
  return { TargetMiBps: warmThroughputMiBps, CurrentMiBps: currentThroughputMiBps(stream) };
}
