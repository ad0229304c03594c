export {
  boolean,
  blob,
  double,
  integer,
  list,
  long,
  map,
  nesting,
  operation,
  optional,
  required,
  string,
  structure,
  timestamp,
  union,
} from "./shape.ts";
export type {
  BlobShape,
  BooleanShape,
  Decoded,
  DoubleShape,
  ErrorCodeOf,
  InputOf,
  IntegerShape,
  ListShape,
  MapShape,
  Member,
  Members,
  NestingShape,
  Operation,
  OutputOf,
  Shape,
  StringShape,
  StructureShape,
  TimestampShape,
  UnionShape,
} from "./shape.ts";
export { ServiceError } from "./service-error.ts";
export { violations, validationMessage, VIOLATION_COUNT_MAX } from "./violations.ts";
export { referencePage } from "./reference-page.ts";
export { cloudwatch } from "./cloudwatch/service.ts";
export type { MetricDatum } from "./cloudwatch/shapes.ts";
export { dynamodb } from "./dynamodb/service.ts";
export type { AttributeValue } from "./dynamodb/shapes.ts";
export { sts } from "./sts/service.ts";
export { kinesis } from "./kinesis/service.ts";
export type { Service } from "./service.ts";
export { AddTagsToStream } from "./kinesis/add-tags-to-stream.ts";
export { CreateChannel } from "./kinesis/create-channel.ts";
export { CreateStream } from "./kinesis/create-stream.ts";
export { DecreaseStreamRetentionPeriod } from "./kinesis/decrease-stream-retention-period.ts";
export { DeleteChannel } from "./kinesis/delete-channel.ts";
export { DeleteResourcePolicy } from "./kinesis/delete-resource-policy.ts";
export { DeleteStream } from "./kinesis/delete-stream.ts";
export { DeregisterStreamConsumer } from "./kinesis/deregister-stream-consumer.ts";
export { DescribeAccountSettings } from "./kinesis/describe-account-settings.ts";
export { DescribeChannel } from "./kinesis/describe-channel.ts";
export { DescribeLimits } from "./kinesis/describe-limits.ts";
export { DescribeStream } from "./kinesis/describe-stream.ts";
export { DescribeStreamConsumer } from "./kinesis/describe-stream-consumer.ts";
export { DescribeStreamSummary } from "./kinesis/describe-stream-summary.ts";
export { DisableEnhancedMonitoring } from "./kinesis/disable-enhanced-monitoring.ts";
export { EnableEnhancedMonitoring } from "./kinesis/enable-enhanced-monitoring.ts";
export { GetRecords } from "./kinesis/get-records.ts";
export { GetResourcePolicy } from "./kinesis/get-resource-policy.ts";
export { GetShardIterator } from "./kinesis/get-shard-iterator.ts";
export { IncreaseStreamRetentionPeriod } from "./kinesis/increase-stream-retention-period.ts";
export { ListChannels } from "./kinesis/list-channels.ts";
export { ListShards, ShardFilter } from "./kinesis/list-shards.ts";
export { ListStreamConsumers } from "./kinesis/list-stream-consumers.ts";
export { ListStreams } from "./kinesis/list-streams.ts";
export { ListTagsForResource } from "./kinesis/list-tags-for-resource.ts";
export { ListTagsForStream } from "./kinesis/list-tags-for-stream.ts";
export { MergeShards } from "./kinesis/merge-shards.ts";
export { PutRecord } from "./kinesis/put-record.ts";
export { PutRecords, PutRecordsRequestEntry, PutRecordsResultEntry } from "./kinesis/put-records.ts";
export { PutResourcePolicy } from "./kinesis/put-resource-policy.ts";
export { RegisterStreamConsumer } from "./kinesis/register-stream-consumer.ts";
export { RemoveTagsFromStream } from "./kinesis/remove-tags-from-stream.ts";
export { SplitShard } from "./kinesis/split-shard.ts";
export { StartStreamEncryption } from "./kinesis/start-stream-encryption.ts";
export { StopStreamEncryption } from "./kinesis/stop-stream-encryption.ts";
export {
  StartingPosition,
  SubscribeToShard,
  SubscribeToShardEvent,
  SubscribeToShardEventStream,
} from "./kinesis/subscribe-to-shard.ts";
export { TagResource } from "./kinesis/tag-resource.ts";
export { UntagResource } from "./kinesis/untag-resource.ts";
export { UpdateAccountSettings } from "./kinesis/update-account-settings.ts";
export { UpdateChannel } from "./kinesis/update-channel.ts";
export { UpdateMaxRecordSize } from "./kinesis/update-max-record-size.ts";
export { UpdateShardCount } from "./kinesis/update-shard-count.ts";
export { UpdateStreamMode } from "./kinesis/update-stream-mode.ts";
export { UpdateStreamRecordDistributionStrategy } from "./kinesis/update-stream-record-distribution-strategy.ts";
export { UpdateStreamWarmThroughput } from "./kinesis/update-stream-warm-throughput.ts";

export {
  ChildShard,
  Consumer,
  EncryptionType,
  HashKeyRange,
  MetricsName,
  Record as KinesisRecord,
  RecordDistributionStrategy,
  SequenceNumberRange,
  Shard,
  ShardIteratorType,
  StreamMode,
  StreamModeDetails,
  StreamStatus,
  Tag,
} from "./kinesis/shapes.ts";
