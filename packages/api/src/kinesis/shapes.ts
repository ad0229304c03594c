/**
 * The shapes that operations of Kinesis Data Streams share. Constraints are those of the service's model, as
 * of September 2026; patterns are spelled as the service prints them.
 */

import {
  blob,
  integer,
  list,
  long,
  map,
  optional,
  required,
  string,
  structure,
  timestamp,
} from "../shape.ts";

// Names and identifiers.

export const StreamName = string({ length: [1, 128], pattern: "[a-zA-Z0-9_.-]+" });
export const ShardId = string({ length: [1, 128], pattern: "[a-zA-Z0-9_.-]+" });
export const ConsumerName = string({ length: [1, 128], pattern: "[a-zA-Z0-9_.-]+" });
export const StreamARN = string({
  length: [1, 2048],
  pattern: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
});
export const ConsumerARN = string({
  length: [1, 2048],
  pattern: "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
});
/** A stream, a consumer or a channel. */
export const ResourceARN = string({
  length: [1, 2048],
  pattern: "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel)/\\S+",
});
/** Reserved by the service for future use; it stands beside the name and the ARN everywhere. */
export const StreamId = string({ length: [1, 24], pattern: "[a-z0-9]{20}-[a-z0-9]{3}" });
/** A key of KMS: id, ARN, alias or ARN of an alias. */
export const KeyId = string({ length: [1, 2048] });

// Records and places in a shard.

export const Data = blob({ length: [0, 10_485_760] });
export const PartitionKey = string({ length: [1, 256] });
/** A decimal integer below 2^128. */
export const HashKey = string({ pattern: "0|([1-9]\\d{0,38})" });
export const SequenceNumber = string({ pattern: "0|([1-9]\\d{0,128})" });
export const ShardIterator = string({ length: [1, 512] });
export const ShardIteratorType = string({
  values: ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
});
export const MillisBehindLatest = long({ min: 0 });

// Numbers and pages.

export const PositiveInteger = integer({ min: 1 });
export const NaturalInteger = integer({ min: 0 });
/** A number of shards, streams, consumers or channels. */
export const ResourceCount = integer({ min: 0, max: 1_000_000 });
export const MaxRecordSizeInKiB = integer({ min: 1024, max: 10_240 });
export const PageSize = integer({ min: 1, max: 10_000 });
export const NextToken = string({ length: [1, 1_048_576] });

// States and settings.

export const StreamStatus = string({ values: ["CREATING", "DELETING", "ACTIVE", "UPDATING"] });
export const ConsumerStatus = string({ values: ["CREATING", "DELETING", "ACTIVE"] });
export const StreamMode = string({ values: ["PROVISIONED", "ON_DEMAND"] });
export const EncryptionType = string({ values: ["NONE", "KMS"] });
export const ScalingType = string({ values: ["UNIFORM_SCALING"] });
export const RecordDistributionStrategy = string({ values: ["AUTO", "USER_PARTITION_KEY"] });
export const ShardFilterType = string({
  values: [
    "AFTER_SHARD_ID",
    "AT_TRIM_HORIZON",
    "FROM_TRIM_HORIZON",
    "AT_LATEST",
    "AT_TIMESTAMP",
    "FROM_TIMESTAMP",
  ],
});
export const MetricsName = string({
  values: [
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
    "ALL",
  ],
});
export const MetricsNameList = list(MetricsName, { length: [1, 7] });
export const MinimumThroughputBillingCommitmentInputStatus = string({
  values: ["ENABLED", "DISABLED"],
});
export const MinimumThroughputBillingCommitmentOutputStatus = string({
  values: ["ENABLED", "DISABLED", "ENABLED_UNTIL_EARLIEST_ALLOWED_END"],
});

// Tags.

export const TagKey = string({ length: [1, 128] });
export const TagValue = string({ length: [0, 256] });
export const TagMap = map(TagKey, TagValue, { length: [1, 200] });
export const TagKeyList = list(TagKey, { length: [1, 50] });
export const Tag = structure({
  Key: required(TagKey),
  Value: optional(TagValue),
});
export const TagList = list(Tag, { length: [0, 200] });

// Shards and records as they are told.

export const HashKeyRange = structure({
  StartingHashKey: required(HashKey),
  EndingHashKey: required(HashKey),
});

export const SequenceNumberRange = structure({
  StartingSequenceNumber: required(SequenceNumber),
  EndingSequenceNumber: optional(SequenceNumber),
});

export const Shard = structure({
  ShardId: required(ShardId),
  ParentShardId: optional(ShardId),
  AdjacentParentShardId: optional(ShardId),
  HashKeyRange: required(HashKeyRange),
  SequenceNumberRange: required(SequenceNumberRange),
});

export const ChildShard = structure({
  ShardId: required(ShardId),
  ParentShards: required(list(ShardId)),
  HashKeyRange: required(HashKeyRange),
});

export const Record = structure({
  SequenceNumber: required(SequenceNumber),
  ApproximateArrivalTimestamp: optional(timestamp()),
  Data: required(Data),
  PartitionKey: optional(PartitionKey),
  EncryptionType: optional(EncryptionType),
});

// Streams and consumers as they are told.

export const StreamModeDetails = structure({
  StreamMode: required(StreamMode),
});

export const WarmThroughputObject = structure({
  TargetMiBps: optional(NaturalInteger),
  CurrentMiBps: optional(NaturalInteger),
});

export const EnhancedMetrics = structure({
  ShardLevelMetrics: optional(MetricsNameList),
});

export const EnhancedMonitoringOutput = structure({
  StreamName: optional(StreamName),
  CurrentShardLevelMetrics: optional(MetricsNameList),
  DesiredShardLevelMetrics: optional(MetricsNameList),
  StreamARN: optional(StreamARN),
});

export const Consumer = structure({
  ConsumerName: required(ConsumerName),
  ConsumerARN: required(ConsumerARN),
  ConsumerStatus: required(ConsumerStatus),
  ConsumerCreationTimestamp: required(timestamp()),
});

export const MinimumThroughputBillingCommitmentOutput = structure({
  Status: required(MinimumThroughputBillingCommitmentOutputStatus),
  StartedAt: optional(timestamp()),
  EndedAt: optional(timestamp()),
  EarliestAllowedEndAt: optional(timestamp()),
});

// Errors.

/** Every modelled error has this one member. */
export const ErrorMessage = structure({ message: optional(string()) });
