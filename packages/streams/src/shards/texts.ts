/** Messages that several operations share, equal to the service's. */
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";

export function writeRateExceeded(stream: Stream, shard: Shard): string {
  return `Rate exceeded for shard ${shard.shardId} in stream ${stream.name} under account ${stream.accountId}.`;
}

/** GetRecords words it differently, as recorded from the service in 2023 and 2025 by its users. */
export function readRateExceeded(stream: Stream, shard: Shard): string {
  return `Rate exceeded for Shard - ${stream.accountId}/${stream.name}/${shard.shardId}`;
}

/** What a DryRun call is answered that would have succeeded. */
export const DRY_RUN = "The request was rejected because the DryRun parameter was specified.";
