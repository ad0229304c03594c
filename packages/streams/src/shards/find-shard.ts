import type { ServiceError } from "@millrace/api";
import { formatShardId } from "@millrace/model";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";

/** The open shard with this index, for an operation that closes it. */
export function findShardToReshard(
  stream: Stream,
  shardIndex: number,
  failure: (code: "InvalidArgumentException" | "ResourceNotFoundException", message: string) => ServiceError,
): Shard {
  const shard = stream.shard(shardIndex);
  const where = `in stream ${stream.name} under account ${stream.accountId}`;
  if (shard === undefined) {
    throw failure("ResourceNotFoundException", `Could not find shard ${formatShardId(shardIndex)} ${where}.`);
  }
  if (!shard.isOpen) {
    throw failure(
      "InvalidArgumentException",
      `Shard ${shard.shardId} ${where} has already been merged or split, ` +
        "and thus is not eligible for merging or splitting.",
    );
  }
  return shard;
}
