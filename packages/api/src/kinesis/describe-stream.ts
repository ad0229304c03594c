import { boolean, integer, list, operation, optional, required, structure, timestamp } from "../shape.ts";
import {
  EncryptionType,
  EnhancedMetrics,
  KeyId,
  PageSize,
  Shard,
  ShardId,
  StreamARN,
  StreamId,
  StreamModeDetails,
  StreamName,
  StreamStatus,
} from "./shapes.ts";

export const StreamDescription = structure({
  StreamName: required(StreamName),
  StreamARN: required(StreamARN),
  StreamStatus: required(StreamStatus),
  StreamModeDetails: optional(StreamModeDetails),
  Shards: required(list(Shard)),
  HasMoreShards: required(boolean()),
  RetentionPeriodHours: required(integer()),
  StreamCreationTimestamp: required(timestamp()),
  EnhancedMonitoring: required(list(EnhancedMetrics)),
  EncryptionType: optional(EncryptionType),
  KeyId: optional(KeyId),
});

export const DescribeStream = operation({
  name: "DescribeStream",
  plane: "control",
  documentation: "Describes a stream and, page by page, its shards.",

  input: structure({
    StreamName: optional(StreamName),
    Limit: optional(PageSize),
    ExclusiveStartShardId: optional(ShardId),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    StreamDescription: required(StreamDescription),
  }),

  errors: [
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
