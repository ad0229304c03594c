import { integer, list, operation, optional, required, structure } from "../shape.ts";
import {
  ChannelDescription,
  ChannelEncryptionConfiguration,
  ChannelLoggingConfiguration,
  ChannelName,
  DeadLetterQueueS3Configuration,
  RecordConfiguration,
  RoleARN,
  S3StorageConfiguration,
  S3TablesConfiguration,
} from "./channel-shapes.ts";
import { StreamARN, TagMap } from "./shapes.ts";

export const ChannelStreamConfiguration = structure(
  {
    StreamARN: required(StreamARN),
    RecordConfiguration: required(RecordConfiguration),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.ChannelStreamConfiguration" },
);

export const S3DestinationConfiguration = structure({
  DataFreshnessInSeconds: optional(integer()),
  DeadLetterQueueS3Configuration: optional(DeadLetterQueueS3Configuration),
  StorageConfiguration: required(S3StorageConfiguration),
});

export const S3TablesDestinationConfiguration = structure({
  DataFreshnessInSeconds: optional(integer()),
  DeadLetterQueueS3Configuration: required(DeadLetterQueueS3Configuration),
  S3TablesConfigurationList: required(list(S3TablesConfiguration, { length: [1, 10_000] })),
});

export const CreateChannel = operation({
  name: "CreateChannel",
  plane: "control",
  documentation:
    "Creates a channel, which delivers the records of an on-demand stream to S3 or to an S3 table.",

  input: structure({
    ChannelName: required(ChannelName),
    ServiceExecutionRoleARN: required(RoleARN),
    StreamConfigurationList: required(list(ChannelStreamConfiguration, { length: [1, 10_000] })),
    S3DestinationConfiguration: optional(S3DestinationConfiguration),
    S3TablesDestinationConfiguration: optional(S3TablesDestinationConfiguration),
    EncryptionConfiguration: optional(ChannelEncryptionConfiguration),
    Tags: optional(TagMap),
    LoggingConfiguration: optional(ChannelLoggingConfiguration),
  }),

  output: structure({
    ChannelDescription: required(ChannelDescription),
  }),

  errors: [
    "ValidationException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSAccessDeniedException",
    "KMSNotFoundException",
    "KMSOptInRequired",
    "KMSThrottlingException",
    "AccessDeniedException",
  ],
});
