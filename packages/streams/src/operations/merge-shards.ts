import { MergeShards } from "@millrace/api";
import { areAdjacent, parseShardId } from "@millrace/model";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { findShardToReshard } from "../shards/find-shard.ts";
import { requireProvisioned } from "../shards/require-provisioned.ts";
import { resharding } from "../updating.ts";

/**
 * Merges two shards into one. The first must be the lower of two neighbours on the ring. The stream is
 * UPDATING until the parents are closed and their child is open.
 */
export const mergeShards = handle(MergeShards, async (context, input, { caller, failure, nowMs }) => {
  const name = readStreamName(input, caller, failure);
  const [shardIndex, adjacentShardIndex] = [input.ShardToMerge, input.AdjacentShardToMerge].map((shardId) => {
    const index = parseShardId(shardId);
    if (index !== undefined) return index;
    throw failure(
      "ResourceNotFoundException",
      `Could not find shard ${shardId} in stream ${name.name} under account ${name.accountId}.`,
    );
  }) as [number, number];
  await context.catalog.change(name, (stream) => {
    if (stream === undefined) throw streamNotFound(name, failure);
    requireActive(stream, failure);
    requireProvisioned(stream, MergeShards.name, failure);
    const shard = findShardToReshard(stream, shardIndex, failure);
    const adjacent = findShardToReshard(stream, adjacentShardIndex, failure);
    if (!areAdjacent(shard.hashKeyRange, adjacent.hashKeyRange)) {
      throw failure(
        "InvalidArgumentException",
        `Shards ${shard.shardId} and ${adjacent.shardId} in stream ${name.name} ` +
          `under account ${name.accountId} are not an adjacent pair of shards eligible for merging`,
      );
    }
    return {
      header: resharding(context, stream.header, { kind: "merge", shardIndex, adjacentShardIndex }, nowMs),
    };
  });
  return {};
});
