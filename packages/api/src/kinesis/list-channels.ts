import { list, operation, optional, required, structure, timestamp } from "../shape.ts";
import {
  ChannelARN,
  ChannelDestinationType,
  ChannelId,
  ChannelName,
  ChannelStatus,
  ChannelStatusReason,
} from "./channel-shapes.ts";
import { NextToken, PageSize, StreamARN } from "./shapes.ts";

export const ChannelStreamIdentifier = structure({
  StreamARN: required(StreamARN),
  StreamCreationTimestamp: required(timestamp()),
});

export const ChannelSummary = structure({
  ChannelName: required(ChannelName),
  ChannelARN: required(ChannelARN),
  ChannelId: required(ChannelId),
  ChannelStatus: required(ChannelStatus),
  ChannelStatusReason: optional(ChannelStatusReason),
  ChannelCreationTimestamp: required(timestamp()),
  ChannelDestinationType: required(ChannelDestinationType),
  Streams: required(list(ChannelStreamIdentifier, { length: [1, 10_000] })),
});

export const StreamFilter = structure(
  {
    StreamARN: required(StreamARN),
    StreamCreationTimestamp: optional(timestamp()),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.StreamFilter" },
);

export const ListChannels = operation({
  name: "ListChannels",
  plane: "control",
  documentation: "Lists the channels of the account, or those of given streams, page by page.",

  input: structure({
    StreamFilter: optional(list(StreamFilter, { length: [1, 10_000] })),
    MaxResults: optional(PageSize),
    NextToken: optional(NextToken),
  }),

  output: structure({
    ChannelSummaries: required(list(ChannelSummary)),
    NextToken: optional(NextToken),
  }),

  errors: [
    "ValidationException",
    "ExpiredNextTokenException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
