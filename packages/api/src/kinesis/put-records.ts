import { boolean, list, operation, optional, required, string, structure } from "../shape.ts";
import {
  Data,
  EncryptionType,
  HashKey,
  PartitionKey,
  PositiveInteger,
  SequenceNumber,
  ShardId,
  StreamARN,
  StreamId,
  StreamName,
} from "./shapes.ts";

export const PutRecordsRequestEntry = structure(
  {
    Data: required(Data),
    ExplicitHashKey: optional(HashKey),
    PartitionKey: optional(PartitionKey),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry" },
);

export const PutRecordsResultEntry = structure({
  SequenceNumber: optional(SequenceNumber),
  ShardId: optional(ShardId),
  ErrorCode: optional(string()),
  ErrorMessage: optional(string()),
});

export const PutRecords = operation({
  name: "PutRecords",
  plane: "data",
  documentation:
    "Writes up to 500 records; each of them succeeds or fails alone, and the answer says which did.",

  input: structure({
    Records: required(list(PutRecordsRequestEntry, { length: [1, 500] })),
    StreamName: optional(StreamName),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
    DryRun: optional(boolean()),
  }),

  output: structure({
    FailedRecordCount: optional(PositiveInteger),
    Records: required(list(PutRecordsResultEntry, { length: [1, 500] })),
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
