/** Streams and shards as answers show them. */
import type { Decoded, DescribeStream, DescribeStreamSummary, ListShards } from "@millrace/api";
import type { LogEngine } from "@millrace/log";
import { formatShardId } from "@millrace/model";
import type { Shard } from "./catalog/shard.ts";
import type { Stream } from "./catalog/stream.ts";
import { warmThroughputDescription } from "./shards/warm-throughput.ts";

type ShardDescription = NonNullable<Decoded<typeof ListShards.output>["Shards"]>[number];
type Summary = Decoded<typeof DescribeStreamSummary.output>["StreamDescriptionSummary"];
type Description = Decoded<typeof DescribeStream.output>["StreamDescription"];

export function shardDescription(engine: LogEngine, shard: Shard): ShardDescription {
  const [parent, adjacentParent] = shard.parents;
  const endIndex = shard.isOpen ? undefined : engine.describe(shard.logId)?.endIndex;
  return {
    ShardId: shard.shardId,
    ...(parent === undefined ? {} : { ParentShardId: formatShardId(parent) }),
    ...(adjacentParent === undefined ? {} : { AdjacentParentShardId: formatShardId(adjacentParent) }),
    HashKeyRange: hashKeyRangeDescription(shard),
    SequenceNumberRange: {
      StartingSequenceNumber: shard.startingSequenceNumber,
      ...(endIndex === undefined ? {} : { EndingSequenceNumber: shard.endingSequenceNumber(endIndex) }),
    },
  };
}

export function hashKeyRangeDescription(shard: Shard): ShardDescription["HashKeyRange"] {
  const { startingHashKey, endingHashKey } = shard.hashKeyRange;
  return { StartingHashKey: String(startingHashKey), EndingHashKey: String(endingHashKey) };
}

/** What a reader who has read all of a shard is told of its children. */
export function childShardDescriptions(
  shard: Shard,
): { ShardId: string; ParentShards: string[]; HashKeyRange: ShardDescription["HashKeyRange"] }[] {
  return shard.children.map((child) => ({
    ShardId: child.shardId,
    ParentShards: child.parents.map(formatShardId),
    HashKeyRange: hashKeyRangeDescription(child),
  }));
}

/** The members that DescribeStream and DescribeStreamSummary have in common. */
export function streamDescription({
  name,
  arn,
  header,
}: Stream): Omit<Description, "Shards" | "HasMoreShards"> {
  const { encryption } = header;
  return {
    StreamName: name,
    StreamARN: arn,
    StreamStatus: header.status,
    StreamModeDetails: { StreamMode: header.mode },
    RetentionPeriodHours: header.retentionHours,
    StreamCreationTimestamp: header.createdMs,
    EnhancedMonitoring: [
      {
        ShardLevelMetrics: header.shardLevelMetrics as NonNullable<
          Description["EnhancedMonitoring"][number]["ShardLevelMetrics"]
        >,
      },
    ],
    EncryptionType: encryption.type,
    ...(encryption.type === "KMS" ? { KeyId: encryption.keyId } : {}),
  };
}

export function streamSummary(stream: Stream): Summary {
  const { header } = stream;
  const warmThroughput = warmThroughputDescription(stream);
  return {
    ...streamDescription(stream),
    OpenShardCount: stream.openShards().length,
    ConsumerCount: stream.consumers.size,
    ...(warmThroughput === undefined ? {} : { WarmThroughput: warmThroughput }),
    MaxRecordSizeInKiB: header.maxRecordSizeKiB,
    ChannelCount: 0,
    RecordDistributionStrategy: header.recordDistribution,
  };
}
