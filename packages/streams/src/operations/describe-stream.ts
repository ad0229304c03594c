import { DescribeStream } from "@millrace/api";
import { parseShardId } from "@millrace/model";
import { shardDescription, streamDescription } from "../describe.ts";
import { findStream } from "../find-stream.ts";
import { handle } from "../handler.ts";

/** Describes a stream and a page of its shards, closed ones within retention included. */
export const describeStream = handle(DescribeStream, (context, input, { caller, failure, nowMs }) => {
  const stream = findStream(context, input, caller, failure);
  const { describeStreamShardsMax } = context.limits;
  const limit = Math.min(input.Limit ?? describeStreamShardsMax, describeStreamShardsMax);
  const after = input.ExclusiveStartShardId;
  const afterIndex = after === undefined ? -1 : parseShardId(after);
  if (afterIndex === undefined) {
    throw failure(
      "ResourceNotFoundException",
      `Could not find shard ${after} in stream ${stream.name} under account ${stream.accountId}.`,
    );
  }
  const shards = [];
  let hasMore = false;
  for (const shard of stream.shardsAfter(afterIndex, nowMs)) {
    hasMore = shards.length === limit;
    if (hasMore) break;
    shards.push(shardDescription(context.engine, shard));
  }
  return {
    StreamDescription: { ...streamDescription(stream), Shards: shards, HasMoreShards: hasMore },
  };
});
