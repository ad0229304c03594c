import { boolean, integer, operation, optional, required, structure } from "../shape.ts";
import { ChannelARN, ChannelDescription, LogGroupName, LogStreamName } from "./channel-shapes.ts";

export const CloudWatchLogsUpdateInput = structure({
  Enabled: required(boolean()),
  LogGroupName: optional(LogGroupName),
  LogStreamName: optional(LogStreamName),
});

export const ChannelLoggingUpdateInput = structure({
  CloudWatchLogs: required(CloudWatchLogsUpdateInput),
});

export const S3DestinationUpdateInput = structure({
  DataFreshnessInSeconds: required(integer()),
});

export const S3TablesDestinationUpdateInput = structure({
  DataFreshnessInSeconds: required(integer()),
});

export const UpdateChannel = operation({
  name: "UpdateChannel",
  plane: "control",
  documentation: "Changes how fresh a channel's deliveries are, or where it logs.",

  input: structure({
    ChannelARN: required(ChannelARN),
    S3DestinationConfiguration: optional(S3DestinationUpdateInput),
    S3TablesDestinationConfiguration: optional(S3TablesDestinationUpdateInput),
    LoggingConfiguration: optional(ChannelLoggingUpdateInput),
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
    "AccessDeniedException",
  ],
});
