/** Names of shards: `shardId-` and the shard's index in its stream, in at least 12 digits. */

const PREFIX = "shardId-";

/** The highest shard index: the sequence number has 32 bits for it, and the service's parser stops here. */
export const SHARD_INDEX_MAX = 2_147_483_647;

/** @example formatShardId(7) === "shardId-000000000007" */
export function formatShardId(shardIndex: number): string {
  return PREFIX + String(shardIndex).padStart(12, "0");
}

/**
 * The index in a shard id; undefined when the text is not one. As the service does, it also takes ids
 * without padding or without the prefix (recorded by kinesalite: `shardId-2`, `2`, `anything-2`).
 */
export function parseShardId(text: string): number | undefined {
  const digits = text.split("-")[1] || text;
  if (!/^\d+$/.test(digits)) return undefined;
  const shardIndex = Number(digits);
  return shardIndex <= SHARD_INDEX_MAX ? shardIndex : undefined;
}
