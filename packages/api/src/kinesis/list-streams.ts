import { boolean, list, operation, optional, required, structure, timestamp } from "../shape.ts";
import { NextToken, PageSize, StreamARN, StreamModeDetails, StreamName, StreamStatus } from "./shapes.ts";

export const StreamSummary = structure({
  StreamName: required(StreamName),
  StreamARN: required(StreamARN),
  StreamStatus: required(StreamStatus),
  StreamModeDetails: optional(StreamModeDetails),
  StreamCreationTimestamp: optional(timestamp()),
});

export const ListStreams = operation({
  name: "ListStreams",
  plane: "control",
  documentation: "Lists the streams of the account, page by page, in order of their names.",

  input: structure({
    Limit: optional(PageSize),
    ExclusiveStartStreamName: optional(StreamName),
    NextToken: optional(NextToken),
  }),

  output: structure({
    StreamNames: required(list(StreamName)),
    HasMoreStreams: required(boolean()),
    NextToken: optional(NextToken),
    StreamSummaries: optional(list(StreamSummary)),
  }),

  errors: ["LimitExceededException", "ExpiredNextTokenException", "InvalidArgumentException"],
});
