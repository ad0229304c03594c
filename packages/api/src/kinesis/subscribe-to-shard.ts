import { boolean, list, operation, optional, required, structure, timestamp, union } from "../shape.ts";
import {
  ChildShard,
  ConsumerARN,
  ErrorMessage,
  MillisBehindLatest,
  Record,
  SequenceNumber,
  ShardId,
  ShardIteratorType,
  StreamId,
} from "./shapes.ts";

export const StartingPosition = structure({
  Type: required(ShardIteratorType),
  SequenceNumber: optional(SequenceNumber),
  Timestamp: optional(timestamp()),
});

export const SubscribeToShardEvent = structure({
  Records: required(list(Record)),
  ContinuationSequenceNumber: required(SequenceNumber),
  MillisBehindLatest: required(MillisBehindLatest),
  ChildShards: optional(list(ChildShard)),
});

export const SubscribeToShardEventStream = union({
  SubscribeToShardEvent: optional(SubscribeToShardEvent),
  ResourceNotFoundException: optional(ErrorMessage),
  ResourceInUseException: optional(ErrorMessage),
  KMSDisabledException: optional(ErrorMessage),
  KMSInvalidStateException: optional(ErrorMessage),
  KMSAccessDeniedException: optional(ErrorMessage),
  KMSNotFoundException: optional(ErrorMessage),
  KMSOptInRequired: optional(ErrorMessage),
  KMSThrottlingException: optional(ErrorMessage),
  InternalFailureException: optional(ErrorMessage),
});

export const SubscribeToShard = operation({
  name: "SubscribeToShard",
  plane: "data",
  documentation:
    "Pushes the records of a shard to a fan-out consumer, for up to five minutes, as they become durable.",

  input: structure({
    ConsumerARN: required(ConsumerARN),
    StreamId: optional(StreamId),
    ShardId: required(ShardId),
    StartingPosition: required(StartingPosition),
    DryRun: optional(boolean()),
  }),

  output: structure({
    EventStream: required(SubscribeToShardEventStream),
  }),

  eventStream: "EventStream",
  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "ResourceInUseException",
    "LimitExceededException",
    "AccessDeniedException",
    "DryRunOperationException",
  ],
});
