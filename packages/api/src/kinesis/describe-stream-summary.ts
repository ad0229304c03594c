import { integer, list, operation, optional, required, structure, timestamp } from "../shape.ts";
import {
  EncryptionType,
  EnhancedMetrics,
  KeyId,
  MaxRecordSizeInKiB,
  RecordDistributionStrategy,
  ResourceCount,
  StreamARN,
  StreamId,
  StreamModeDetails,
  StreamName,
  StreamStatus,
  WarmThroughputObject,
} from "./shapes.ts";

export const StreamDescriptionSummary = structure({
  StreamName: required(StreamName),
  StreamARN: required(StreamARN),
  StreamId: optional(StreamId),
  StreamStatus: required(StreamStatus),
  StreamModeDetails: optional(StreamModeDetails),
  RetentionPeriodHours: required(integer()),
  StreamCreationTimestamp: required(timestamp()),
  EnhancedMonitoring: required(list(EnhancedMetrics)),
  EncryptionType: optional(EncryptionType),
  KeyId: optional(KeyId),
  OpenShardCount: required(ResourceCount),
  ConsumerCount: optional(ResourceCount),
  WarmThroughput: optional(WarmThroughputObject),
  MaxRecordSizeInKiB: optional(MaxRecordSizeInKiB),
  ChannelCount: optional(ResourceCount),
  RecordDistributionStrategy: optional(RecordDistributionStrategy),
});

export const DescribeStreamSummary = operation({
  name: "DescribeStreamSummary",
  plane: "control",
  documentation: "Describes a stream without its shards.",

  input: structure({
    StreamName: optional(StreamName),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    StreamDescriptionSummary: required(StreamDescriptionSummary),
  }),

  errors: [
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
