import { SplitShard } from "@millrace/api";
import { hashKeyHex, parseShardId } from "@millrace/model";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { findShardToReshard } from "../shards/find-shard.ts";
import { requireProvisioned } from "../shards/require-provisioned.ts";
import { refuseShardsBeyondLimit } from "../shards/shard-limit.ts";
import { resharding } from "../updating.ts";

/** Splits a shard into two. The stream is UPDATING until the parent is closed and its children are open. */
export const splitShard = handle(SplitShard, async (context, input, { caller, failure, nowMs }) => {
  const name = readStreamName(input, caller, failure);
  const shardIndex = parseShardId(input.ShardToSplit);
  if (shardIndex === undefined) {
    throw failure(
      "ResourceNotFoundException",
      `Could not find shard ${input.ShardToSplit} in stream ${name.name} under account ${name.accountId}.`,
    );
  }
  await context.catalog.changeInTurn(name, (stream) => {
    if (stream === undefined) throw streamNotFound(name, failure);
    requireActive(stream, failure);
    requireProvisioned(stream, SplitShard.name, failure);
    const shard = findShardToReshard(stream, shardIndex, failure);
    refuseShardsBeyondLimit(context, name.accountId, name.region, 1, failure);
    const { startingHashKey, endingHashKey } = shard.hashKeyRange;
    const at = BigInt(input.NewStartingHashKey);
    if (at <= startingHashKey + 1n || at >= endingHashKey) {
      throw failure(
        "InvalidArgumentException",
        `NewStartingHashKey ${input.NewStartingHashKey} used in SplitShard() on shard ${shard.shardId} ` +
          `in stream ${name.name} under account ${name.accountId} ` +
          `is not both greater than one plus the shard's StartingHashKey ${startingHashKey} ` +
          `and less than the shard's EndingHashKey ${endingHashKey}.`,
      );
    }
    return {
      header: resharding(
        context,
        stream.header,
        { kind: "split", shardIndex, newStartingHashKey: hashKeyHex(at) },
        nowMs,
      ),
    };
  });
  return {};
});
