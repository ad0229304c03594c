/** Every operation, in alphabetical order, as in the API reference. */
import type { kinesis } from "@millrace/api";
import type { Handlers } from "@millrace/wire";
import type { StreamsContext } from "../context.ts";
import { addTagsToStream } from "./add-tags-to-stream.ts";
import { createChannel } from "./create-channel.ts";
import { createStream } from "./create-stream.ts";
import { decreaseStreamRetentionPeriod } from "./decrease-stream-retention-period.ts";
import { deleteChannel } from "./delete-channel.ts";
import { deleteResourcePolicy } from "./delete-resource-policy.ts";
import { deleteStream } from "./delete-stream.ts";
import { deregisterStreamConsumer } from "./deregister-stream-consumer.ts";
import { describeAccountSettings } from "./describe-account-settings.ts";
import { describeChannel } from "./describe-channel.ts";
import { describeLimits } from "./describe-limits.ts";
import { describeStream } from "./describe-stream.ts";
import { describeStreamConsumer } from "./describe-stream-consumer.ts";
import { describeStreamSummary } from "./describe-stream-summary.ts";
import { disableEnhancedMonitoring } from "./disable-enhanced-monitoring.ts";
import { enableEnhancedMonitoring } from "./enable-enhanced-monitoring.ts";
import { getRecords } from "./get-records.ts";
import { getResourcePolicy } from "./get-resource-policy.ts";
import { getShardIterator } from "./get-shard-iterator.ts";
import { increaseStreamRetentionPeriod } from "./increase-stream-retention-period.ts";
import { listChannels } from "./list-channels.ts";
import { listShards } from "./list-shards.ts";
import { listStreamConsumers } from "./list-stream-consumers.ts";
import { listStreams } from "./list-streams.ts";
import { listTagsForResource } from "./list-tags-for-resource.ts";
import { listTagsForStream } from "./list-tags-for-stream.ts";
import { mergeShards } from "./merge-shards.ts";
import { putRecord } from "./put-record.ts";
import { putRecords } from "./put-records.ts";
import { putResourcePolicy } from "./put-resource-policy.ts";
import { registerStreamConsumer } from "./register-stream-consumer.ts";
import { removeTagsFromStream } from "./remove-tags-from-stream.ts";
import { splitShard } from "./split-shard.ts";
import { startStreamEncryption } from "./start-stream-encryption.ts";
import { stopStreamEncryption } from "./stop-stream-encryption.ts";
import { subscribeToShard } from "./subscribe-to-shard.ts";
import { tagResource } from "./tag-resource.ts";
import { untagResource } from "./untag-resource.ts";
import { updateAccountSettings } from "./update-account-settings.ts";
import { updateChannel } from "./update-channel.ts";
import { updateMaxRecordSize } from "./update-max-record-size.ts";
import { updateShardCount } from "./update-shard-count.ts";
import { updateStreamMode } from "./update-stream-mode.ts";
import { updateStreamRecordDistributionStrategy } from "./update-stream-record-distribution-strategy.ts";
import { updateStreamWarmThroughput } from "./update-stream-warm-throughput.ts";

export function operations(context: StreamsContext): Handlers<typeof kinesis> {
  return {
    AddTagsToStream: addTagsToStream(context),
    CreateChannel: createChannel(context),
    CreateStream: createStream(context),
    DecreaseStreamRetentionPeriod: decreaseStreamRetentionPeriod(context),
    DeleteChannel: deleteChannel(context),
    DeleteResourcePolicy: deleteResourcePolicy(context),
    DeleteStream: deleteStream(context),
    DeregisterStreamConsumer: deregisterStreamConsumer(context),
    DescribeAccountSettings: describeAccountSettings(context),
    DescribeChannel: describeChannel(context),
    DescribeLimits: describeLimits(context),
    DescribeStream: describeStream(context),
    DescribeStreamConsumer: describeStreamConsumer(context),
    DescribeStreamSummary: describeStreamSummary(context),
    DisableEnhancedMonitoring: disableEnhancedMonitoring(context),
    EnableEnhancedMonitoring: enableEnhancedMonitoring(context),
    GetRecords: getRecords(context),
    GetResourcePolicy: getResourcePolicy(context),
    GetShardIterator: getShardIterator(context),
    IncreaseStreamRetentionPeriod: increaseStreamRetentionPeriod(context),
    ListChannels: listChannels(context),
    ListShards: listShards(context),
    ListStreamConsumers: listStreamConsumers(context),
    ListStreams: listStreams(context),
    ListTagsForResource: listTagsForResource(context),
    ListTagsForStream: listTagsForStream(context),
    MergeShards: mergeShards(context),
    PutRecord: putRecord(context),
    PutRecords: putRecords(context),
    PutResourcePolicy: putResourcePolicy(context),
    RegisterStreamConsumer: registerStreamConsumer(context),
    RemoveTagsFromStream: removeTagsFromStream(context),
    SplitShard: splitShard(context),
    StartStreamEncryption: startStreamEncryption(context),
    StopStreamEncryption: stopStreamEncryption(context),
    SubscribeToShard: subscribeToShard(context),
    TagResource: tagResource(context),
    UntagResource: untagResource(context),
    UpdateAccountSettings: updateAccountSettings(context),
    UpdateChannel: updateChannel(context),
    UpdateMaxRecordSize: updateMaxRecordSize(context),
    UpdateShardCount: updateShardCount(context),
    UpdateStreamMode: updateStreamMode(context),
    UpdateStreamRecordDistributionStrategy: updateStreamRecordDistributionStrategy(context),
    UpdateStreamWarmThroughput: updateStreamWarmThroughput(context),
  };
}
