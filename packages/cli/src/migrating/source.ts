/** A stream that is to be copied, seen through the public API of whoever has it. */
import type { KinesisClient } from "@millrace/client";
import type { ImportedSettings, ImportedShard } from "@millrace/server";
import { listShards } from "../reading/read-stream.ts";

export interface SourceStream {
  /** Names the stream and this life of it. */
  readonly identity: string;
  readonly streamArn: string;
  readonly settings: ImportedSettings;
  /** Of registered consumers. */
  readonly consumerNames: readonly string[];
}

export async function describeSource(kinesis: KinesisClient, streamName: string): Promise<SourceStream> {
  const { StreamDescriptionSummary: summary } = await kinesis.describeStreamSummary({
    StreamName: streamName,
  });
  const { StreamARN, StreamCreationTimestamp: createdMs, MaxRecordSizeInKiB, KeyId } = summary;
  return {
    identity: `${StreamARN} of ${new Date(createdMs).toISOString()}`,
    streamArn: StreamARN,
    settings: {
      createdMs: Math.floor(createdMs),
      mode: summary.StreamModeDetails?.StreamMode ?? "PROVISIONED",
      retentionHours: summary.RetentionPeriodHours,
      ...(MaxRecordSizeInKiB === undefined ? {} : { maxRecordSizeKiB: MaxRecordSizeInKiB }),
      ...(summary.RecordDistributionStrategy === undefined
        ? {}
        : { recordDistribution: summary.RecordDistributionStrategy }),
      ...(summary.EncryptionType === "KMS" && KeyId !== undefined ? { keyId: KeyId } : {}),
      shardLevelMetrics: summary.EnhancedMonitoring.flatMap((metrics) => metrics.ShardLevelMetrics ?? []),
      tags: await tagsOf(kinesis, streamName),
    },
    consumerNames: await consumersOf(kinesis, StreamARN),
  };
}

export async function shardsOfSource(kinesis: KinesisClient, streamName: string): Promise<ImportedShard[]> {
  const shards = await listShards(kinesis, streamName);
  return shards.map(
    ({ ShardId, ParentShardId, AdjacentParentShardId, HashKeyRange, SequenceNumberRange }) => ({
      shardId: ShardId,
      parentShardIds: [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined),
      startingHashKey: HashKeyRange.StartingHashKey,
      endingHashKey: HashKeyRange.EndingHashKey,
      startingSequenceNumber: SequenceNumberRange.StartingSequenceNumber,
      ...(SequenceNumberRange.EndingSequenceNumber === undefined
        ? {}
        : { endingSequenceNumber: SequenceNumberRange.EndingSequenceNumber }),
    }),
  );
}

async function tagsOf(kinesis: KinesisClient, streamName: string): Promise<Record<string, string>> {
  const tags: Record<string, string> = {};
  let after: string | undefined;
  for (;;) {
    const page = await kinesis.listTagsForStream({
      StreamName: streamName,
      ...(after === undefined ? {} : { ExclusiveStartTagKey: after }),
    });
    for (const { Key, Value } of page.Tags) tags[Key] = Value ?? "";
    after = page.Tags.at(-1)?.Key;
    if (!page.HasMoreTags || after === undefined) return tags;
  }
}

async function consumersOf(kinesis: KinesisClient, streamArn: string): Promise<string[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await kinesis.listStreamConsumers({
      StreamARN: streamArn,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    for (const { ConsumerName } of page.Consumers ?? []) names.push(ConsumerName);
    token = page.NextToken;
  } while (token !== undefined);
  return names;
}
