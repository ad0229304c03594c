import { boolean, operation, optional, required, structure } from "../shape.ts";
import {
  Data,
  EncryptionType,
  HashKey,
  PartitionKey,
  SequenceNumber,
  ShardId,
  StreamARN,
  StreamId,
  StreamName,
} from "./shapes.ts";

export const PutRecord = operation({
  name: "PutRecord",
  plane: "data",
  documentation: "Writes one record to the shard that owns the hash of its partition key.",

  input: structure({
    StreamName: optional(StreamName),
    Data: required(Data),
    PartitionKey: optional(PartitionKey),
    ExplicitHashKey: optional(HashKey),
    SequenceNumberForOrdering: optional(SequenceNumber),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
    DryRun: optional(boolean()),
  }),

  output: structure({
    ShardId: required(ShardId),
    SequenceNumber: required(SequenceNumber),
    EncryptionType: optional(EncryptionType),
  }),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "ProvisionedThroughputExceededException",
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
