import { boolean, operation, optional, required, structure, timestamp } from "../shape.ts";
import {
  SequenceNumber,
  ShardId,
  ShardIterator,
  ShardIteratorType,
  StreamARN,
  StreamId,
  StreamName,
} from "./shapes.ts";

export const GetShardIterator = operation({
  name: "GetShardIterator",
  plane: "data",
  documentation: "Gives an iterator for a place in a shard: an end, a sequence number or a time.",

  input: structure({
    StreamName: optional(StreamName),
    ShardId: required(ShardId),
    ShardIteratorType: required(ShardIteratorType),
    StartingSequenceNumber: optional(SequenceNumber),
    Timestamp: optional(timestamp()),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
    DryRun: optional(boolean()),
  }),

  output: structure({
    ShardIterator: optional(ShardIterator),
  }),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "ProvisionedThroughputExceededException",
    "AccessDeniedException",
    "InternalFailureException",
    "DryRunOperationException",
  ],
});
