/** Single calls of the generator's own, to prepare a load. */
import type { kinesis, OutputOf } from "@millrace/api";
import { nodeRuntime } from "@millrace/runtime";
import { createKinesisClient, type KinesisClient } from "@millrace/client";

/** A client that never tries again: in a bench an error is a finding. */
export function benchClient(endpoint: string, protocol: "json" | "cbor" = "json"): KinesisClient {
  const { clock, random } = nodeRuntime({ logLevel: "error" });
  return createKinesisClient({
    endpoint,
    clock,
    random,
    protocol,
    // Ours takes unsigned requests; some peers do not.
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "bench" },
    attemptCountMax: 1,
    attemptTimeoutMs: 120_000,
  });
}

type Shard = NonNullable<OutputOf<(typeof kinesis)["operations"]["ListShards"]>["Shards"]>[number];

/** All shards of a stream. */
export async function shardsOf(client: KinesisClient, streamName: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let next: { StreamName: string } | { NextToken: string } = { StreamName: streamName };
  for (;;) {
    const page = await client.listShards(next);
    shards.push(...(page.Shards ?? []));
    if (page.NextToken === undefined) return shards;
    next = { NextToken: page.NextToken };
  }
}

/** An iterator at the start of each of these shards, or of all. */
export async function trimHorizons(
  client: KinesisClient,
  streamName: string,
  shardIds?: readonly string[],
): Promise<string[]> {
  const ids = shardIds ?? (await shardsOf(client, streamName)).map(({ ShardId }) => ShardId);
  const iterators: string[] = [];
  for (const ShardId of ids) {
    const { ShardIterator } = await client.getShardIterator({
      StreamName: streamName,
      ShardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    if (ShardIterator === undefined) throw new Error(`${ShardId} has no iterator`);
    iterators.push(ShardIterator);
  }
  return iterators;
}
