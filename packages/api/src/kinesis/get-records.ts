import { boolean, list, operation, optional, required, structure } from "../shape.ts";
import {
  ChildShard,
  MillisBehindLatest,
  PageSize,
  Record,
  ShardIterator,
  StreamARN,
  StreamId,
} from "./shapes.ts";

export const GetRecords = operation({
  name: "GetRecords",
  plane: "data",
  documentation: "Reads records of one shard from an iterator on, and gives the iterator that follows them.",

  input: structure({
    ShardIterator: required(ShardIterator),
    Limit: optional(PageSize),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
    DryRun: optional(boolean()),
  }),

  output: structure({
    Records: required(list(Record)),
    NextShardIterator: optional(ShardIterator),
    MillisBehindLatest: optional(MillisBehindLatest),
    ChildShards: optional(list(ChildShard)),
  }),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "ProvisionedThroughputExceededException",
    "ExpiredIteratorException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSAccessDeniedException",
    "KMSNotFoundException",
    "KMSOptInRequired",
    "KMSThrottlingException",
    "AccessDeniedException",
    "InternalFailureException",
    "DryRunOperationException",
  ],
});
